import { boolean, choice, type Options, type RulesOf } from 'spindle/options'
import type { DataOf, NdArray } from '../../base/array.ts'
import { DATA_CLASSES, viewOfBytes } from '../../base/dtypes.ts'
import { withSource } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { type Routine, runSync } from '../../files/routine.ts'
import { describeSource } from '../../files/source.ts'
import { samplesWithin, windowRule } from './sample-window.ts'
import {
  type CheckedLimits,
  checkBytes,
  checkLength,
  limitRules,
  type SoundLimits,
} from './sound-limits.ts'
import { headerIn, readWavHeader, type WavHeader } from './wav-header.ts'
import { decodeSamples, liesAsIs, nativeDType, type WavDType } from './wav-samples.ts'

/** Options of `parseWav`. */
export interface ParseWavOptions extends SoundLimits {
  /**
   * Only the samples whose time, `index / sampleRate`, is in `[startSec, endSec)`; an end behind
   * the last sample means all. Default: all.
   */
  readonly window?: readonly [startSec: number, endSec: number]
  /**
   * `'TC'` (default) is `[samples, channels]`, as WAV files store them; `'CT'` is
   * `[channels, samples]`, what models and `loadAudio` have, and a copy unless there is but one
   * channel.
   */
  readonly layout?: 'TC' | 'CT'
  /** `'float32'` makes numbers from -1 to 1 of integers. Default: as they are stored. */
  readonly dtype?: 'float32'
  /**
   * `true`, the default: fewer samples than the header announces are an error. `false`: those that
   * are there are given, and `header.missingBytes` says how many are not.
   */
  readonly strict?: boolean
}

/** Samples of a WAV file. */
export interface WavAudio<D extends WavDType = WavDType> extends NdArray<D> {
  /** `[samples, channels]` or `[channels, samples]`. */
  readonly layout: 'TC' | 'CT'
  readonly sampleRate: number
  /** What the file says of itself, whole, whatever the window. */
  readonly header: WavHeader
}

/**
 * Samples whose dtype only the file tells: `if (audio.dtype === 'int16')` makes an `Int16Array` of
 * their `data`.
 */
export type AnyWavAudio = { readonly [D in WavDType]: WavAudio<D> }[WavDType]

/**
 * Reads a WAV file from memory, synchronously: RIFF, RF64 and BW64; PCM of 8 to 64 bits, float32,
 * float64, A-law and mu-law, plain and extensible.
 *
 * `data` is a view of `bytes`, without a copy, where the samples lie as they are asked for and are
 * aligned (they mostly are). A view keeps the bytes alive, changes with them, and is of shared
 * memory where they are.
 *
 * | stored          | dtype                                                                         |
 * | --------------- | ----------------------------------------------------------------------------- |
 * | PCM, 8 bits     | uint8, silence at 128                                                         |
 * | 16 bits         | int16                                                                         |
 * | 24 bits         | int32, the sample in the upper 24 bits (a copy)                               |
 * | 32, 64 bits     | int32, int64                                                                  |
 * | float           | float32, float64                                                              |
 * | A-law, mu-law   | int16 (a copy)                                                                |
 *
 * Files that were streamed, so that their sizes were never filled in, end where their bytes end.
 * Any other size that is more than there is is an error, unless `strict: false`. A part of a frame
 * at the end is left out. Samples of big-endian files (RIFX) are turned around, in a copy.
 *
 * @throws MediaError with `code`
 * - `ERR_DECODE`: not a WAV file, damaged or truncated
 * - `ERR_UNSUPPORTED`: compressed samples (ADPCM, MP3 …)
 * - `ERR_TOO_LARGE`: more than `maxDurationSec`, `maxSamples` or `maxResultBytes` allow
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule, or the window begins behind the last
 *   sample
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeWav, parseWav } from '@spindle/io'
 *
 * const second = { data: new Int16Array(2 * 16000), dtype: 'int16', shape: [16000, 2] } as const
 * const bytes = encodeWav(second, { sampleRate: 16000 })
 * const audio = parseWav(bytes, { window: [0.25, 0.5] })
 * assert.deepEqual(audio.shape, [4000, 2])
 * assert.equal(audio.data.buffer, bytes.buffer) // a view
 * assert.equal(audio.header.durationSec, 1)
 *
 * const forModel = parseWav(bytes, { layout: 'CT', dtype: 'float32' })
 * assert.deepEqual(forModel.shape, [2, 16000])
 * ```
 */
export function parseWav(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  options: ParseWavOptions & { readonly dtype: 'float32' },
): WavAudio<'float32'>
export function parseWav(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  options?: ParseWavOptions,
): AnyWavAudio
export function parseWav(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  options?: ParseWavOptions,
): AnyWavAudio {
  const view = viewOfBytes(bytes)
  const limits = options === undefined ? DEFAULT_LIMITS : checkWavOptions(options)
  try {
    return decode(view, options ?? {}, limits)
  } catch (error) {
    throw withSource(error, describeSource(view))
  }
}

/** The rules of {@link ParseWavOptions}. */
export const wavRules: RulesOf<ParseWavOptions, 'layout' | 'strict' | keyof SoundLimits> = {
  window: windowRule,
  layout: choice(['TC', 'CT'], { default: 'TC' }),
  dtype: choice(['float32']),
  strict: boolean({ default: true }),
  ...limitRules,
}

const parseOptions = mediaOptions('ParseWavOptions', wavRules)

/** Checks options, and gives the limits among them. @throws MediaError `ERR_BAD_OPTION` */
export function checkWavOptions(
  options: ParseWavOptions,
  declared: Options<typeof wavRules> = parseOptions,
): CheckedLimits {
  return declared.check(options)
}

const DEFAULT_LIMITS = checkWavOptions({})

function decode(bytes: Uint8Array, options: ParseWavOptions, limits: CheckedLimits): AnyWavAudio {
  const header = headerIn(bytes, options.strict ?? true)
  const { sampleRate, blockAlign, dataOffset } = header
  const { layout = 'TC', dtype = nativeDType(header) } = options
  const [first, end] = samplesWithin(options.window, sampleRate, header.numSamples)
  const offset = dataOffset + first * blockAlign
  const Data = DATA_CLASSES[dtype]
  checkLimits(limits, header, end - first, Data.BYTES_PER_ELEMENT)
  if (
    liesAsIs(header, dtype, layout === 'CT') &&
    (bytes.byteOffset + offset) % Data.BYTES_PER_ELEMENT === 0
  ) {
    // The common way: nothing but the header is touched.
    const data = new Data(bytes.buffer, bytes.byteOffset + offset, (end - first) * header.channels)
    return audioOf(header, data, dtype, layout)
  }
  const samples = bytes.subarray(offset, dataOffset + end * blockAlign)
  const data = runSync(decodeSamples(header, samples, dtype, layout === 'CT'), {})
  return audioOf(header, data, dtype, layout)
}

/** Refuses samples, so many a channel, before they are read. */
function checkLimits(
  limits: CheckedLimits,
  { channels, sampleRate }: WavHeader,
  samples: number,
  bytes: number,
): void {
  checkLength(limits, samples, sampleRate)
  checkBytes(limits, samples * channels * bytes)
}

/**
 * A WAV file of `size` bytes -> its samples, or those in the window, and no others are read. Faults
 * do not name the source.
 */
export function* readWav(
  size: number,
  options: ParseWavOptions,
  limits: CheckedLimits,
): Routine<AnyWavAudio> {
  const header = yield* readWavHeader(size, options.strict ?? true)
  const { layout = 'TC', dtype = nativeDType(header) } = options
  const [first, end] = samplesWithin(options.window, header.sampleRate, header.numSamples)
  checkLimits(limits, header, end - first, DATA_CLASSES[dtype].BYTES_PER_ELEMENT)
  const offset = header.dataOffset + first * header.blockAlign
  const bytes = yield { kind: 'read', offset, length: (end - first) * header.blockAlign }
  const data = yield* decodeSamples(header, bytes, dtype, layout === 'CT')
  return audioOf(header, data, dtype, layout)
}

function audioOf(
  header: WavHeader,
  data: DataOf[WavDType],
  dtype: WavDType,
  layout: 'TC' | 'CT',
): AnyWavAudio {
  const { channels, sampleRate } = header
  const samples = data.length / channels
  const shape = layout === 'TC' ? [samples, channels] : [channels, samples]
  return { data, dtype, shape, layout, sampleRate, header } as AnyWavAudio
}
