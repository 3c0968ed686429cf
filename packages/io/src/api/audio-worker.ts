import { move } from 'spindle/worker'
import type { AudioInfo } from '../audio/audio-info.ts'
import type { AudioTarget } from '../audio/audio-options.ts'
import type { LoadedAudio } from '../audio/audio-results.ts'
import { encodeAudioHere } from '../audio/encode-audio-in-thread.ts'
import type { AudioEncoding } from '../audio/encode-audio-options.ts'
import { decodePieces } from '../audio/ffmpeg/decode-audio.ts'
import { loadAudioHere } from '../audio/load-audio-in-thread.ts'
import { streamAudioHere } from '../audio/stream-audio-in-thread.ts'
import type { StreamAudioTarget } from '../audio/stream-audio-options.ts'
import { type Fault, faultOf } from '../base/errors.ts'
import { writeBytesSync } from '../files/atomic-file.ts'
import { withFile } from '../files/open-file.ts'
import type { SyncSource } from '../files/source.ts'
import { nextTurn } from '../timers.ts'
import { inspectAudio, unknownMedia } from '../video/inspect-media.ts'
import type { VideoInfo } from '../video/video-info.ts'

// The ops that the pool's threads run. Faults come back as data: errors would lose their class on
// the way.

/** A sound to be loaded. */
export interface LoadJob {
  readonly source: SyncSource
  readonly target: AudioTarget
}

export function load({ source, target }: LoadJob): LoadedAudio | Fault {
  try {
    return move(loadAudioHere(source, target))
  } catch (error) {
    return faultOf(error)
  }
}

/** A sound to encode; with `path` it is written there. */
export interface EncodeJob {
  readonly encoding: AudioEncoding
  readonly path: string | undefined
}

export function encode({ encoding, path }: EncodeJob): Uint8Array | Fault | undefined {
  try {
    const bytes = encodeAudioHere(encoding)
    if (path === undefined) return move(bytes)
    writeBytesSync(path, bytes)
    return undefined
  } catch (error) {
    return faultOf(error)
  }
}

/** A file to look at, and what it begins with, for messages. */
export interface ProbeJob {
  readonly source: SyncSource
  readonly head: string
}

export function probe({ source, head }: ProbeJob): AudioInfo | VideoInfo | Fault {
  try {
    return withFile(source, (file) => inspectAudio(file))
  } catch (error) {
    return faultOf(unknownMedia(error, head))
  }
}

/** A sound to be read chunk by chunk. */
export interface StreamJob {
  readonly source: SyncSource
  readonly target: StreamAudioTarget
}

export function* stream({ source, target }: StreamJob): Generator<LoadedAudio | Fault> {
  try {
    for (const chunk of streamAudioHere(source, target)) yield move(chunk)
  } catch (error) {
    yield faultOf(error)
  }
}

/** A sound that comes through a socket. */
export interface LiveJob {
  readonly url: string
  readonly target: StreamAudioTarget
}

export async function* streamLive({ url, target }: LiveJob): AsyncGenerator<LoadedAudio | Fault> {
  try {
    for (const chunk of decodePieces({ file: { url } }, target.audio, target.samplesPerChunk)) {
      yield move(chunk)
      await nextTurn() // it leaves this thread only then, and the next may be long in coming
    }
  } catch (error) {
    yield faultOf(error)
  }
}
