import { choice, integer, type Rules } from 'spindle/options'
import type { NdArray } from '../../base/array.ts'
import { checkRule } from '../../base/check.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { collect } from '../../files/collect.ts'
import type { Routine, WriteRequest } from '../../files/routine.ts'
import { ENCODINGS, storedSamples, type WavEncoding } from './store.ts'
import { wavHead } from './wav-head.ts'

/**
 * Samples to be written: `[samples, channels]`, `[channels, samples]`, or `[samples]` of one
 * channel.
 */
export interface WavInput extends NdArray {
  /** As `loadWav` and `parseWav` give it. */
  readonly sampleRate?: number
  /** As `loadWav` and `parseWav` give it. */
  readonly layout?: 'TC' | 'CT'
}

/** Options of `encodeWav` and `saveWav`. */
export interface SaveWavOptions {
  /**
   * Samples a second and channel, 1 to 4294967295. Default: that of the array, where it came from
   * `loadWav` or `parseWav`.
   */
  readonly sampleRate?: number
  /**
   * Order of the array's axes. Default: that of the array, where it came from `loadWav` or
   * `parseWav`, otherwise `'TC'`.
   */
  readonly layout?: 'TC' | 'CT'
  /**
   * How samples are stored. Default: by dtype; uint8 `'pcm8'`, int16 `'pcm16'`, int32 `'pcm32'`,
   * float32 and float64 as they are. Of int32, `'pcm24'` keeps the upper 24 bits. Floating point
   * may become any: 1 is full scale, what is louder is clipped, and integers are the nearest.
   */
  readonly encoding?: WavEncoding
}

const saveOptions = mediaOptions('SaveWavOptions', {
  sampleRate: integer({ min: 1, max: 0xffffffff, unit: 'Hz' }),
  layout: choice(['TC', 'CT']),
  encoding: choice([...new Set(Object.values(ENCODINGS).flat())]),
} satisfies Rules<SaveWavOptions>)

/**
 * The WAV file of samples, in memory, synchronously: RIFF, or RF64 where it is larger than 4 GiB.
 *
 * @throws MediaError `ERR_BAD_OPTION` for what are no samples, and options that are unknown or
 *   break their rule
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeWav, parseWav } from '@spindle/io'
 *
 * const stereo = { data: Float32Array.of(0.5, -0.5, 1, 0), dtype: 'float32', shape: [2, 2] } as const
 * const bytes = encodeWav(stereo, { sampleRate: 48000, encoding: 'pcm16' })
 * assert.equal(bytes.length, 44 + 8)
 * assert.deepEqual([...parseWav(bytes).data], [16384, -16384, 32767, 0])
 * ```
 */
export function encodeWav(audio: WavInput, options: SaveWavOptions = {}): Uint8Array {
  return collect(wavRoutine(audio, options))
}

/**
 * Checks samples and options, and gives the routine that writes the file. @throws MediaError
 * `ERR_BAD_OPTION`
 */
export function wavRoutine(audio: WavInput, options: SaveWavOptions): Routine<void, WriteRequest> {
  checkNdArray(audio, 'audio')
  const given = saveOptions.check(options)
  const { sampleRate = audio.sampleRate, layout = audio.layout ?? 'TC' } = given
  checkRule('sampleRate', sampleRate, saveOptions.rules.sampleRate)
  checkRule('layout', layout, saveOptions.rules.layout)
  const possible = ENCODINGS[audio.dtype]
  if (possible === undefined) {
    throw badOption('audio.dtype', `one of ${Object.keys(ENCODINGS).join(', ')}`, audio.dtype)
  }
  const { encoding = possible[0]! } = given
  if (!possible.includes(encoding)) {
    throw badOption(
      'encoding',
      `${possible.map((one) => `'${one}'`).join(' or ')} for ${audio.dtype}`,
      encoding,
    )
  }
  const { shape } = audio
  if (shape.length !== 1 && shape.length !== 2)
    throw badOption('audio.shape', 'of one or two axes', shape)
  const channels = shape.length === 1 ? 1 : shape[layout === 'TC' ? 1 : 0]!
  const format = { encoding, channels, sampleRate: sampleRate! }
  return write(audio, format, layout === 'CT')
}

interface Format {
  readonly encoding: WavEncoding
  readonly channels: number
  readonly sampleRate: number
}

function write(audio: NdArray, format: Format, isPlanar: boolean): Routine<void, WriteRequest> {
  const head = wavHead(format, audio.data.length / format.channels)
  return (function* () {
    const samples = yield* storedSamples(audio, format.channels, isPlanar, format.encoding)
    const padding = new Uint8Array(samples.byteLength % 2)
    yield { kind: 'write', chunks: [head, samples, padding] }
  })()
}
