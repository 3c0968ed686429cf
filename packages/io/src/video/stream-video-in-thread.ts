import type { Frame } from 'node-av/lib'
import type { ThreadContext } from '../base/thread-context.ts'
import { loadFFmpeg } from '../ffmpeg/library.ts'
import { checkFrames } from '../ffmpeg/video-limits.ts'
import { type OpenFile, openFile, type StreamInput } from '../files/open-file.ts'
import type { SyncSource } from '../files/source.ts'
import { imageShape, product } from '../image/pixel-format.ts'
import { FramePlacer } from './ffmpeg/placer.ts'
import { shownFrames } from './ffmpeg/shown-frames.ts'
import { VideoPass } from './ffmpeg/video-pass.ts'
import { FrameStore } from './frame-store.ts'
import { refuseBehindEnd, videoResultOf } from './load-video-in-thread.ts'
import type { StreamTarget } from './stream-video-options.ts'
import type { VideoResult } from './video-results.ts'

/**
 * Frames of a file, or of what FFmpeg reads from a URL, in this thread: chunk by chunk, each
 * decoded when it is asked for. Throws errors that do not name the source.
 */
export function* streamVideoInThread(
  {
    target,
    ...from
  }: { readonly target: StreamTarget } & ({ readonly source: SyncSource } | StreamInput),
  context: ThreadContext,
): Generator<VideoResult> {
  if ('url' in from) return yield* chunksOf(from, target, context)
  const file = openFile(from.source)
  try {
    yield* chunksOf(file, target, context)
  } finally {
    file.reader.close()
  }
}

/** Before a fault is thrown, the frames before it are given. */
function* chunksOf(
  file: OpenFile | StreamInput,
  target: StreamTarget,
  context: ThreadContext,
): Generator<VideoResult> {
  const checkWanted = (): void => context.signal.throwIfAborted()
  const allocate = (bytes: number): ArrayBufferLike => context.alloc(bytes).buffer
  const ffmpeg = loadFFmpeg()
  const { image, framesPerChunk, isLastDropped, limits } = target
  const pass = new VideoPass(ffmpeg, file, target, checkWanted)
  let placer: FramePlacer | undefined
  let store: FrameStore | undefined
  let hasGiven = false
  let count = 0
  const begin = (frame: Frame): void => {
    placer = new FramePlacer(ffmpeg, frame, image, pass.orientation)
  }
  const newStore = (): FrameStore => {
    const size = product(imageShape(image.pixelFormat, image.layout, placer!.output))
    return new FrameStore(image.dtype, size, framesPerChunk, allocate, limits)
  }
  const chunk = (full: FrameStore): VideoResult => {
    store = undefined
    hasGiven = true
    return videoResultOf(pass, placer!, full, target, pass.faults.splice(0))
  }
  try {
    let failure: { readonly error: unknown } | undefined
    const frames = shownFrames(ffmpeg, pass, target, begin)
    for (;;) {
      let step: ReturnType<typeof frames.next>
      try {
        step = frames.next()
      } catch (error) {
        failure = { error }
        break
      }
      if (step.done === true) break
      checkWanted()
      const { frame, timesSec } = step.value
      for (const timeSec of timesSec) {
        if (++count > limits.maxFrames) {
          if (store !== undefined) yield chunk(store)
          checkFrames(count, limits)
        }
        store ??= newStore()
        // A frame that is shown again may be in another chunk: it is scaled once more then.
        if (store.count > 0 && timeSec !== timesSec[0]) store.repeat(timeSec, frame.keyFrame !== 0)
        else placer!.place(frame, store.next(timeSec, frame.keyFrame !== 0))
        if (store.count === framesPerChunk) yield chunk(store)
      }
    }
    if (store !== undefined && !isLastDropped) yield chunk(store)
    if (failure !== undefined) throw failure.error
    if (!hasGiven) refuseBehindEnd(pass, target)
  } finally {
    placer?.free()
    pass.free()
  }
}
