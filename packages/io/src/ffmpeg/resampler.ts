import type { SoftwareResampleContext } from 'node-av/lib'
import { check, type FFmpeg } from './library.ts'
import type { AvSampleFormat } from './sample-formats.ts'

/** What samples are like: where their channels belong, how they are stored, how many a second. */
export type SampleKind = readonly [
  layout: Parameters<SoftwareResampleContext['allocSetOpts2']>[0],
  format: AvSampleFormat,
  sampleRate: number,
]

/**
 * A resampler that is ready to begin, which is the caller's to free.
 *
 * @param idle one of the same kind that is used again; it is freed where that fails
 */
export function openResampler(
  ffmpeg: FFmpeg,
  to: SampleKind,
  from: SampleKind,
  idle?: SoftwareResampleContext,
): SoftwareResampleContext {
  const swr = idle ?? new ffmpeg.av.SoftwareResampleContext()
  const doing = 'preparing to convert samples'
  try {
    if (idle === undefined) check(ffmpeg, swr.allocSetOpts2(...to, ...from), doing)
    check(ffmpeg, swr.init(), doing)
    return swr
  } catch (error) {
    swr.free()
    throw error
  }
}
