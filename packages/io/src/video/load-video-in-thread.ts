import type { Frame } from 'node-av/lib'
import type { DataOf } from '../base/array.ts'
import { MediaError, printValue } from '../base/errors.ts'
import type { ThreadContext } from '../base/thread-context.ts'
import { loadFFmpeg } from '../ffmpeg/library.ts'
import { checkBytes, checkFrames } from '../ffmpeg/video-limits.ts'
import { withFile } from '../files/open-file.ts'
import { bytesPer, type ImageDType, imageShape, product } from '../image/pixel-format.ts'
import { type FramePlace, placeOf, type VideoTask } from './destination.ts'
import { FramePlacer } from './ffmpeg/placer.ts'
import { shownFrames } from './ffmpeg/shown-frames.ts'
import { durationOf, expectedFrames } from './ffmpeg/video-header.ts'
import { VideoPass } from './ffmpeg/video-pass.ts'
import { secondsOf } from './frame-rate.ts'
import { FrameStore } from './frame-store.ts'
import type { LoadTarget, VideoTarget } from './video-options.ts'
import type { VideoFault, VideoResult } from './video-results.ts'

/** Loads frames of a video in this thread. Throws errors that do not name the source. */
export function loadVideoInThread(
  task: VideoTask<LoadTarget>,
  context: ThreadContext,
): VideoResult {
  const { source, target } = task
  const place = placeOf(task, context)
  const ffmpeg = loadFFmpeg()
  return withFile(source, (file) => {
    const pass = new VideoPass(ffmpeg, file, target, place.checkWanted)
    let placer: FramePlacer | undefined
    let store: FrameStore | undefined
    try {
      const begin = (frame: Frame): void => {
        placer = new FramePlacer(ffmpeg, frame, target.image, pass.orientation)
        store = storeFor(pass, placer, target, place)
      }
      let isCut = false
      for (const { frame, timesSec } of shownFrames(ffmpeg, pass, target, begin)) {
        place.checkWanted()
        isCut = take(placer!, store!, frame, timesSec, target.numFrames ?? Infinity)
        if (isCut) break
        checkFrames(store!.count, target.limits)
      }
      if (!isCut && store!.count === 0) refuseBehindEnd(pass, target)
      pad(store!, target)
      checkFrames(store!.count, target.limits)
      return videoResultOf(pass, placer!, store!, target, pass.faults)
    } finally {
      placer?.free()
      pass.free()
    }
  })
}

/** Takes a frame as often as it is shown. Whether there are as many as are wanted. */
function take(
  placer: FramePlacer,
  store: FrameStore,
  frame: Frame,
  timesSec: readonly number[],
  most: number,
): boolean {
  for (const [index, timeSec] of timesSec.entries()) {
    if (store.count === most) return true
    const isKeyframe = frame.keyFrame !== 0
    if (index === 0) placer.place(frame, store.next(timeSec, isKeyframe))
    else store.repeat(timeSec, isKeyframe)
  }
  return store.count === most
}

function storeFor(
  pass: VideoPass,
  placer: FramePlacer,
  { image, numFrames, window, frameRate, limits }: LoadTarget,
  { allocate, into }: FramePlace,
): FrameStore {
  const size = product(imageShape(image.pixelFormat, image.layout, placer.output))
  const rate = frameRate ?? pass.frameRate ?? 0
  const [startSec, endSec] = window ?? [0, Infinity]
  const inWindow = Math.max(
    0,
    Math.min(endSec, durationOf(pass.container, pass.timeBase) || Infinity) - startSec,
  )
  const likely =
    window === undefined && frameRate === undefined
      ? expectedFrames(pass.container, pass.timeBase)
      : Number.isFinite(inWindow)
        ? Math.ceil(inWindow * rate - 1e-6)
        : 0
  if (numFrames !== undefined && into === undefined)
    checkBytes(numFrames * size * bytesPer(image.dtype), `${numFrames} frames`, limits)
  return new FrameStore(image.dtype, size, numFrames ?? likely, allocate, limits, into)
}

/** A window that begins behind the last frame is a mistake. @throws MediaError `ERR_BAD_OPTION` */
export function refuseBehindEnd(pass: VideoPass, { window }: VideoTarget): void {
  const endSec = secondsOf(pass.endTicks, pass.timeBase)
  if (window === undefined || window[0] === 0 || window[0] < endSec) return
  throw new MediaError(
    'ERR_BAD_OPTION',
    `\`window\` must begin before ${Math.round(endSec * 1000) / 1000} s, where the video ends, got ${printValue(window)}`,
  )
}

function pad(store: FrameStore, { numFrames, padding, image, window }: LoadTarget): void {
  if (numFrames === undefined || store.count === numFrames) return
  if (store.count === 0 && padding === 'last') {
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`window\` must hold a frame, which \`padding: 'last'\` repeats, got ${printValue(window)}`,
    )
  }
  const white = image.dtype === 'uint16' ? 65535 : 255
  while (store.count < numFrames) {
    if (padding === 'last') {
      store.repeat(Number.NaN, false)
      continue
    }
    const frame = store.next(Number.NaN, false)
    fillFrame(frame, padding === 'white' ? white : 0, image)
  }
}

/** One colour in every pixel; black of YUV has its colour planes at 128, and so has white. */
function fillFrame(
  frame: DataOf[ImageDType],
  value: number,
  { affine, pixelFormat, layout }: LoadTarget['image'],
): void {
  if (affine !== undefined) {
    const plane = frame.length / affine.length
    for (let i = 0; i < frame.length; i++) {
      const { scale, shift } = affine[layout === 'CHW' ? Math.floor(i / plane) : i % affine.length]!
      frame[i] = value * scale + shift
    }
    return
  }
  frame.fill(value)
  if (pixelFormat === 'yuv420p' || pixelFormat === 'nv12') frame.fill(128, (frame.length * 2) / 3)
}

/** Frames that were gathered, with what is known of them. */
export function videoResultOf(
  pass: VideoPass,
  { output }: FramePlacer,
  store: FrameStore,
  { image, frameRate }: VideoTarget & { readonly frameRate: number | undefined },
  faults: readonly VideoFault[],
): VideoResult {
  const { dtype, layout, pixelFormat } = image
  return {
    data: store.finish(),
    dtype,
    shape: [store.count, ...imageShape(pixelFormat, layout, output)],
    isPlanar: layout === 'CHW',
    timestampsSec: Float64Array.from(store.timesSec),
    isKeyframe: Uint8Array.from(store.isKeyframe),
    frameRate: frameRate ?? pass.frameRate,
    faults,
  }
}
