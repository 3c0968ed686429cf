import type { DataOf, NdArray } from '../base/array.ts'
import { DATA_CLASSES } from '../base/dtypes.ts'
import { errorOf, type Fault, faultOf, type MediaError } from '../base/errors.ts'
import type { AudioDType, AudioLayout, AudioTarget } from './audio-options.ts'

/** Damage that was passed over. */
export interface AudioFailure {
  /** Where in the sound, in seconds from its first sample; about, where the damage hides it. */
  readonly timeSec: number
  readonly error: MediaError
}

/** Samples of a sound. */
export interface AudioArray<D extends AudioDType = AudioDType> extends NdArray<D> {
  /** Samples a second and channel. */
  readonly sampleRate: number
  /** What `shape` is: `[channels, samples]` or `[samples, channels]`. */
  readonly layout: AudioLayout
  /** What could not be decoded; empty unless `strict: false`. */
  readonly failures: readonly AudioFailure[]
}

/** Damage, as plain data. */
export interface AudioFault extends Fault {
  readonly timeSec: number
}

/** Samples as a thread hands them to another. */
export interface AudioResult {
  readonly data: DataOf[AudioDType]
  readonly channels: number
  readonly sampleRate: number
  readonly faults: readonly AudioFault[]
}

/** What the caller gets. */
export function audioArray(
  { data, channels, sampleRate, faults }: AudioResult,
  { dtype, isPlanar }: AudioTarget,
  source: string,
): AudioArray {
  const samples = data.length / channels
  return {
    data,
    dtype,
    shape: isPlanar ? [channels, samples] : [samples, channels],
    sampleRate,
    layout: isPlanar ? 'CT' : 'TC',
    failures: faults.map(({ timeSec, ...fault }) => ({ timeSec, error: errorOf(fault, source) })),
  }
}

/** What went wrong at a time. */
export function audioFault(error: unknown, timeSec: number): AudioFault {
  return { ...faultOf(error), timeSec }
}

/**
 * Samples cut or padded with silence to `count` a channel: the same where they are so many already.
 */
export function fitSamples(
  data: DataOf[AudioDType],
  dtype: AudioDType,
  channels: number,
  isPlanar: boolean,
  count: number,
): DataOf[AudioDType] {
  const have = data.length / channels
  if (have === count) return data
  const lanes = isPlanar ? channels : 1
  const [from, to] = [data.length / lanes, (count * channels) / lanes]
  if (to < from && lanes === 1) return data.subarray(0, to) as DataOf[AudioDType]
  const fitted = new DATA_CLASSES[dtype](count * channels)
  if (dtype === 'uint8') fitted.fill(128)
  for (let lane = 0; lane < lanes; lane++) {
    fitted.set(data.subarray(lane * from, lane * from + Math.min(from, to)), lane * to)
  }
  return fitted
}
