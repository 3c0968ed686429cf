import type { Frame } from 'node-av/lib'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { FrameRate, isWithin, secondsOf } from '../frame-rate.ts'
import type { VideoPass } from './video-pass.ts'

/**
 * Largest number of repetitions of a frame, ten minutes at 60 per second. A larger one comes from a
 * damaged time stamp, and would fill all memory.
 */
const MOST_REPEATED = 36_000

/**
 * A frame and its time. It comes more than once if the frame rate is raised. Valid until the next
 * one is requested.
 */
export interface ShownFrame {
  readonly frame: Frame
  readonly timesSec: readonly number[]
}

/** The wanted frames. */
export interface Showing {
  readonly window: readonly [startSec: number, endSec: number] | undefined
  readonly frameRate: number | undefined
}

/**
 * The frames of a window, at the file's rate or another one. The first decoded frame is reported
 * first, for its size.
 */
export function* shownFrames(
  ffmpeg: FFmpeg,
  pass: VideoPass,
  { window, frameRate }: Showing,
  tellFirst: (frame: Frame) => void,
): Generator<ShownFrame> {
  const frames =
    frameRate === undefined
      ? asStored(pass, window, tellFirst)
      : resampled(ffmpeg, pass, window, new FrameRate(frameRate, pass.timeBase), tellFirst)
  for (const shown of frames) {
    if (shown.timesSec.length === 0) continue
    pass.begin()
    yield shown
  }
}

function* asStored(
  pass: VideoPass,
  window: Showing['window'],
  tellFirst: (frame: Frame) => void,
): Generator<ShownFrame> {
  let isFirst = true
  for (const { frame, ticks } of pass.frames(window?.[0] ?? 0)) {
    if (isFirst) tellFirst(frame)
    isFirst = false
    const timeSec = secondsOf(ticks, pass.timeBase)
    if (window !== undefined && timeSec >= window[1] && pass.isInOrder) return
    yield { frame, timesSec: isWithin(timeSec, window) ? [timeSec] : [] }
  }
}

/** The duration of a frame is known only when the next one arrives, so each is held until then. */
function* resampled(
  ffmpeg: FFmpeg,
  pass: VideoPass,
  window: Showing['window'],
  rate: FrameRate,
  tellFirst: (frame: Frame) => void,
): Generator<ShownFrame> {
  const held = emptyFrame(ffmpeg)
  let heldTicks: number | undefined
  const show = (nextTicks: number): { shown: ShownFrame; isPast: boolean } => {
    const [first, end] = rate.placesOf(heldTicks!, nextTicks)
    if (end - first > MOST_REPEATED) {
      const [from, to] = [rate.timeOf(first), rate.timeOf(end)]
      throw new Error(`time stamps jump from ${from.toFixed(3)} s to ${to.toFixed(3)} s`)
    }
    const timesSec: number[] = []
    for (let place = first; place < end; place++) {
      const timeSec = rate.timeOf(place)
      if (window !== undefined && timeSec >= window[1]) break
      if (isWithin(timeSec, window)) timesSec.push(timeSec)
    }
    const isPast = window !== undefined && rate.timeOf(end) >= window[1] && pass.isInOrder
    return { shown: { frame: held, timesSec }, isPast }
  }
  try {
    // The frame at the window's start may have a time that was rounded down to it.
    const startSec = (window?.[0] ?? 0) - rate.rate.den / rate.rate.num
    for (const { frame, ticks } of pass.frames(startSec)) {
      if (heldTicks === undefined) tellFirst(frame)
      else {
        const { shown, isPast } = show(ticks)
        yield shown
        if (isPast) return
      }
      held.unref()
      held.ref(frame)
      heldTicks = ticks
    }
    if (heldTicks !== undefined) yield show(pass.endTicks).shown
  } finally {
    held.free()
  }
}
