import { MediaError } from '../errors.ts'
import type { Routine } from '../file/routine.ts'
import { readWavHeader, type WavHeader } from '../wav/header.ts'
import { decodeSamples, nativeDType } from '../wav/samples.ts'
import { samplesWithin } from '../wav/window.ts'
import { fitSamples, type LoadedAudio } from './loaded.ts'
import type { AudioDType, AudioTarget } from './options.ts'

/**
 * A WAV file whose samples need neither resampling nor mixing, read without FFmpeg: exact, only the window, and as a view where they lie in memory
 * as they are asked for. `undefined` for whatever else the source is: FFmpeg's business.
 *
 * @throws MediaError `ERR_DECODE` for a WAV file that is damaged or truncated, where damage is an error
 */
export function* readPlainWav(size: number, target: AudioTarget): Routine<LoadedAudio | undefined> {
  const header = yield* headerOf(size, target)
  if (!(header instanceof Object) || 'problem' in header || !isPlain(header, target)) return undefined
  const { sampleRate, numSamples, channels, blockAlign, dataOffset } = header
  const [first, last] = samplesWithin(target.window, sampleRate, numSamples)
  const end = Math.min(last, first + (target.numSamples ?? last))
  const bytes = yield {
    kind: 'read',
    offset: dataOffset + first * blockAlign,
    length: (end - first) * blockAlign,
  }
  const { dtype, isPlanar } = target
  const data = (yield* decodeSamples(header, bytes, dtype, isPlanar)) as LoadedAudio['data']
  const fitted = fitSamples(data, dtype, channels, isPlanar, target.numSamples ?? end - first)
  return { data: fitted, channels, sampleRate, faults: [] }
}

/**
 * The header of a WAV file; `undefined` for what is none, or of samples that only FFmpeg decodes; what is wrong with it, where that is no error.
 */
export function* headerOf(
  size: number,
  { isStrict }: { readonly isStrict: boolean },
): Routine<WavHeader | { readonly problem: MediaError } | undefined> {
  if (size < 12) return undefined
  const head = yield { kind: 'read', offset: 0, length: 12 }
  const text = Buffer.from(head).toString('latin1')
  if (!/^(RIFF|RF64|BW64)....WAVE$/s.test(text)) return undefined
  try {
    return yield* readWavHeader(size)
  } catch (error) {
    if (!(error instanceof MediaError) || error.code === 'ERR_READ') throw error
    if (error.code === 'ERR_UNSUPPORTED') return undefined
    if (isStrict) throw error
    return { problem: error }
  }
}

function isPlain(header: WavHeader, { sampleRate, channels, dtype, stream }: AudioTarget): boolean {
  return (
    (stream ?? 0) === 0 &&
    (sampleRate === undefined || sampleRate === header.sampleRate) &&
    (channels === undefined || channels === header.channels) &&
    (dtype === 'float32' || dtype === (nativeDType(header) as AudioDType))
  )
}
