import type { SoftwareResampleContext } from 'node-av/lib'
import { check, type FFmpeg } from './library.ts'
import type { AvSampleFormat } from './sample-formats.ts'

/**
 * The format of samples: the positions of their channels, their storage, and their number per
 * second.
 */
export type SampleKind = readonly [
  layout: Parameters<SoftwareResampleContext['allocSetOpts2']>[0],
  format: AvSampleFormat,
  sampleRate: number,
]

/**
 * An initialised resampler. The caller frees it.
 *
 * @param idle a resampler of the same format to reuse; it is freed if that fails
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
