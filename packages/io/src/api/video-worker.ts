import type { StageContext } from 'spindle'
import type { DataOf } from '../base/array.ts'
import { type Fault, faultOf } from '../base/errors.ts'
import type { SyncSource } from '../files/source.ts'
import type { Allocate } from '../image/fill.ts'
import type { ImageDType } from '../image/pixel-format.ts'
import { nextTurn } from '../timers.ts'
import { loadVideoHere } from '../video/load-video-in-thread.ts'
import { type SampleTarget, sampleVideoHere } from '../video/sample-video-in-thread.ts'
import { streamVideoHere, videoChunks } from '../video/stream-video-in-thread.ts'
import type { StreamTarget } from '../video/stream-video-options.ts'
import type { LoadTarget } from '../video/video-options.ts'
import type { LoadedVideo } from '../video/video-results.ts'

// The ops that the pool's threads run. Faults come back as data: errors would lose their class on
// the way.

/** A video to be loaded; `into` lies in shared memory. */
export interface LoadJob {
  readonly source: SyncSource
  readonly target: LoadTarget
  readonly into: DataOf[ImageDType] | undefined
}

export function load(
  { source, target, into }: LoadJob,
  context: StageContext,
): LoadedVideo | Fault {
  const { signal } = context
  try {
    const allocate = allocator(target.isShared, context)
    return loadVideoHere(source, target, {
      allocate,
      into,
      checkWanted: () => signal.throwIfAborted(),
    })
  } catch (error) {
    signal.throwIfAborted()
    return faultOf(error)
  }
}

/** Frames to be sampled; `into` lies in shared memory. */
export interface SampleJob {
  readonly source: SyncSource
  readonly target: SampleTarget
  readonly into: DataOf[ImageDType] | undefined
}

export function sample(
  { source, target, into }: SampleJob,
  context: StageContext,
): LoadedVideo | Fault {
  const { signal } = context
  try {
    const allocate = allocator(target.isShared, context)
    return sampleVideoHere(source, target, {
      allocate,
      into,
      checkWanted: () => signal.throwIfAborted(),
    })
  } catch (error) {
    signal.throwIfAborted()
    return faultOf(error)
  }
}

/** A video to be read chunk by chunk. */
export interface StreamJob {
  readonly source: SyncSource
  readonly target: StreamTarget
}

export function* stream(
  { source, target }: StreamJob,
  context: StageContext,
): Generator<LoadedVideo | Fault> {
  const { signal } = context
  try {
    yield* streamVideoHere(source, target, allocator(false, context), () => signal.throwIfAborted())
  } catch (error) {
    signal.throwIfAborted()
    yield faultOf(error)
  }
}

/** A video that comes through a socket. */
export interface LiveJob {
  readonly url: string
  readonly target: StreamTarget
}

export async function* streamLive(
  { url, target }: LiveJob,
  context: StageContext,
): AsyncGenerator<LoadedVideo | Fault> {
  const { signal } = context
  try {
    const chunks = videoChunks({ url }, target, allocator(false, context), () =>
      signal.throwIfAborted(),
    )
    for (const chunk of chunks) {
      yield chunk
      await nextTurn() // it leaves this thread only then, and the next may be long in coming
    }
  } catch (error) {
    signal.throwIfAborted()
    yield faultOf(error)
  }
}

function allocator(isShared: boolean, context: StageContext): Allocate {
  return isShared ? newShared : (bytes) => context.alloc(bytes).buffer
}

/** New shared memory. */
export function newShared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes)
}
