import { DATA_CLASSES } from '../base/dtypes.ts'
import { MediaError } from '../base/errors.ts'
import type { Routine } from '../files/routine.ts'
import { samplesWithin } from '../formats/wav/sample-window.ts'
import { checkBytes, checkLength } from '../formats/wav/sound-limits.ts'
import { isWavHead, readWavHeader, type WavHeader } from '../formats/wav/wav-header.ts'
import { decodeSamples, nativeDType } from '../formats/wav/wav-samples.ts'
import type { AudioDType, AudioTarget } from './audio-options.ts'
import { type AudioFault, type AudioResult, audioFault, fitSamples } from './audio-results.ts'

/**
 * A WAV file whose samples need neither resampling nor mixing, read without FFmpeg: exact, only the
 * window, and as a view where they lie in memory as they are asked for. `undefined` for others.
 *
 * @throws MediaError `ERR_TOO_LARGE`
 */
export function* readPlainWav(
  header: WavHeader,
  target: AudioTarget,
): Routine<AudioResult | undefined> {
  if (!isPlain(header, target)) return undefined
  const { sampleRate, numSamples, channels, blockAlign, dataOffset } = header
  const [first, last] = samplesWithin(target.window, sampleRate, numSamples)
  const end = Math.min(last, first + (target.numSamples ?? last))
  const { dtype, isPlanar, limits } = target
  const count = target.numSamples ?? end - first
  checkLength(limits, count, sampleRate)
  checkBytes(limits, count * channels * DATA_CLASSES[dtype].BYTES_PER_ELEMENT)
  const bytes = yield {
    kind: 'read',
    offset: dataOffset + first * blockAlign,
    length: (end - first) * blockAlign,
  }
  const data = (yield* decodeSamples(header, bytes, dtype, isPlanar)) as AudioResult['data']
  const fitted = fitSamples(data, dtype, channels, isPlanar, count)
  return { data: fitted, channels, sampleRate, faults: wavFaults(header, last) }
}

/**
 * What is wrong with a WAV file of which `last` samples a channel are read: those that the header
 * announces and that are not there.
 */
export function wavFaults(header: WavHeader, last: number): AudioFault[] {
  const { missingBytes, dataBytes, numSamples, sampleRate } = header
  if (missingBytes === 0 || last < numSamples) return []
  const problem = `truncated: ${dataBytes + missingBytes} bytes of samples, of which ${dataBytes} are there`
  return [audioFault(new MediaError('ERR_DECODE', problem), numSamples / sampleRate)]
}

/**
 * The header of a WAV file; `undefined` for what is none, or of samples that only FFmpeg decodes;
 * what is wrong with it, where that is no error.
 */
export function* headerOf(
  size: number,
  { isStrict }: { readonly isStrict: boolean },
): Routine<WavHeader | { readonly problem: MediaError } | undefined> {
  if (size < 12) return undefined
  const head = yield { kind: 'read', offset: 0, length: 12 }
  if (!isWavHead(head)) return undefined
  try {
    return yield* readWavHeader(size, isStrict)
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
