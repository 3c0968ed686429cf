import type { Stream } from 'node-av/lib'
import type { Container } from '../../ffmpeg/container.ts'
import { secondsOf, type TimeBase } from '../frame-rate.ts'

/** Frames a second, on average, by the header's word. */
export function frameRateOf({ avgFrameRate: mean, rFrameRate: least }: Stream): number | undefined {
  const { num, den } = mean.num > 0 ? mean : least
  return num > 0 && den > 0 ? num / den : undefined
}

/** Length by the header's word, in seconds; 0 where it has none. */
export function durationOf({ declared, format }: Container, timeBase: TimeBase): number {
  if (declared !== undefined) return secondsOf(Number(declared), timeBase)
  return format.duration > 0n ? Number(format.duration) / 1e6 : 0
}

/**
 * Frames from the first to the last that there are likely to be, by the header's word; 0 where it
 * has none.
 */
export function expectedFrames(container: Container, timeBase: TimeBase): number {
  const { nbFrames } = container.stream
  if (nbFrames > 0n) return Number(nbFrames)
  return Math.ceil(durationOf(container, timeBase) * (frameRateOf(container.stream) ?? 0))
}
