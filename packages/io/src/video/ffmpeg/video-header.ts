import type { Stream } from 'node-av/lib'
import type { Container } from '../../ffmpeg/container.ts'
import { secondsOf, type TimeBase } from '../frame-rate.ts'

/** Frames per second, on average, from the header. */
export function frameRateOf({ avgFrameRate: mean, rFrameRate: least }: Stream): number | undefined {
  const { num, den } = mean.num > 0 ? mean : least
  return num > 0 && den > 0 ? num / den : undefined
}

/** Duration from the header, in seconds; 0 if it has none. */
export function durationOf({ declared, format }: Container, timeBase: TimeBase): number {
  if (declared !== undefined) return secondsOf(Number(declared), timeBase)
  return format.duration > 0n ? Number(format.duration) / 1e6 : 0
}

/** Likely number of frames from the first to the last, from the header; 0 if it has none. */
export function expectedFrames(container: Container, timeBase: TimeBase): number {
  const { nbFrames } = container.stream
  if (nbFrames > 0n) return Number(nbFrames)
  return Math.ceil(durationOf(container, timeBase) * (frameRateOf(container.stream) ?? 0))
}
