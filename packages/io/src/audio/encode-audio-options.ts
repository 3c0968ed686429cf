import { extname } from 'node:path'
import { choice, integer, is, type Rules, signal } from 'spindle/options'
import type { DataOf, NdArray } from '../base/array.ts'
import { checkOneOf, checkRule } from '../base/check.ts'
import { checkNdArray } from '../base/dtypes.ts'
import { badOption } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { localPath } from '../files/atomic-file.ts'
import { type AudioDType, type AudioLayout, MAX_RATE } from './audio-options.ts'

/** Formats that sound can be saved in: WAV, FLAC, MP3, AAC in MP4, Opus and Vorbis in Ogg. */
export type EncodedAudioFormat = 'wav' | 'flac' | 'mp3' | 'm4a' | 'opus' | 'ogg'

/**
 * Samples to be encoded: `[channels, samples]`, `[samples, channels]`, or `[samples]` of one
 * channel.
 */
export interface AudioInput extends NdArray {
  /** As `loadAudio` gives it. */
  readonly sampleRate?: number
  /** As `loadAudio` gives it. */
  readonly layout?: AudioLayout
}

/** Options of `encodeAudio` and `encodeAudioSync`. */
export interface EncodeAudioOptions {
  /** Format of the file. */
  readonly format: EncodedAudioFormat
  /**
   * Samples a second and channel, 1 to 768000. Opus is coded at 48000 whatever this is; a rate that
   * a format does not have is an error. Default: that of the array, where it came from `loadAudio`.
   */
  readonly sampleRate?: number
  /**
   * Order of the array's axes. Default: that of the array, where it came from `loadAudio`,
   * otherwise `'CT'`.
   */
  readonly layout?: AudioLayout
  /**
   * For lossy formats, bits a second, of all channels together; 6000 to 512000, within what the
   * format has. Default: 96000 a channel for MP3 and AAC, 64000 for Opus and Vorbis.
   */
  readonly bitRate?: number
  /** For FLAC: 0, fast, to 12, small. Default 5. */
  readonly compressionLevel?: number
  /**
   * For WAV and FLAC: bits of a stored integer. Default: as `encodeWav` does; for FLAC 16 of uint8
   * and int16, otherwise 24.
   */
  readonly bitDepth?: 16 | 24
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `saveAudio` and `saveAudioSync`. */
export interface SaveAudioOptions extends Omit<EncodeAudioOptions, 'format'> {
  /** Default: what the name ends with: `.wav`, `.flac`, `.mp3`, `.m4a`, `.opus` or `.ogg`. */
  readonly format?: EncodedAudioFormat
}

const FORMATS: readonly EncodedAudioFormat[] = ['wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg']

const encodeOptions = mediaOptions('EncodeAudioOptions', {
  format: choice(FORMATS, { required: true }),
  sampleRate: integer({ min: 1, max: MAX_RATE, unit: 'Hz' }),
  layout: choice(['CT', 'TC']),
  bitRate: integer({ min: 6000, max: 512_000, unit: 'bits a second' }),
  compressionLevel: integer({ min: 0, max: 12, default: 5 }),
  bitDepth: is('16 or 24', (value) => value === 16 || value === 24),
  signal: signal(),
} satisfies Rules<EncodeAudioOptions>)

/**
 * Samples to encode and how, checked and with defaults filled in, as plain data that crosses to
 * other threads.
 */
export interface AudioEncoding {
  readonly data: DataOf[AudioDType]
  readonly dtype: AudioDType
  readonly channels: number
  readonly isPlanar: boolean
  readonly sampleRate: number
  readonly format: EncodedAudioFormat
  readonly bitRate: number
  readonly compressionLevel: number
  readonly bitDepth: 16 | 24 | undefined
}

const DTYPES: readonly string[] = ['float32', 'float64', 'int16', 'int32', 'uint8']
/** For which format each option is. */
const ONLY_FOR = {
  bitRate: ['mp3', 'm4a', 'opus', 'ogg'],
  compressionLevel: ['flac'],
  bitDepth: ['wav', 'flac'],
} as const
const BIT_RATE_A_CHANNEL = { mp3: 96_000, m4a: 96_000, opus: 64_000, ogg: 64_000, wav: 0, flac: 0 }
/** MP3 has two; the layouts of more than eight have no order that all agree on. */
const MOST_CHANNELS = { mp3: 2, m4a: 8, opus: 8, ogg: 8, flac: 8, wav: 65_535 }

/** A sound to encode; with `path` it is written there. */
export interface EncodeAudioJob {
  readonly encoding: AudioEncoding
  readonly path: string | undefined
}

/** Checks what `encodeAudio` is given. @throws MediaError `ERR_BAD_OPTION` */
export function encodeAudioJob(
  audio: AudioInput,
  options: EncodeAudioOptions,
  path?: string,
): EncodeAudioJob {
  return { encoding: audioEncoding(audio, options), path }
}

/**
 * Checks what `saveAudio` is given: the format follows from the name unless it is given. @throws
 * MediaError `ERR_BAD_OPTION`
 */
export function saveAudioJob(
  path: string | URL,
  audio: AudioInput,
  options: SaveAudioOptions,
): EncodeAudioJob {
  if (typeof options !== 'object' || options === null)
    throw badOption('options', 'an object', options)
  const local = localPath(path)
  const named = FORMATS.find((format) => extname(local).toLowerCase() === `.${format}`)
  const format = options.format ?? named
  if (format === undefined) {
    throw badOption(
      'path',
      'named .wav, .flac, .mp3, .m4a, .opus or .ogg, unless `format` is given',
      local,
    )
  }
  return encodeAudioJob(audio, { ...options, format }, local)
}

/** Checks samples and options. @throws MediaError `ERR_BAD_OPTION` */
function audioEncoding(audio: AudioInput, options: EncodeAudioOptions): AudioEncoding {
  checkNdArray(audio, 'audio')
  const { format, bitDepth, bitRate, compressionLevel, ...given } = encodeOptions.check(options)
  const { sampleRate = audio.sampleRate, layout = audio.layout ?? 'CT' } = given
  checkOneOf('layout', layout, ['CT', 'TC'])
  checkOneOf('audio.dtype', audio.dtype, DTYPES)
  checkRule('sampleRate', sampleRate, encodeOptions.rules.sampleRate)
  for (const [name, formats] of Object.entries(ONLY_FOR)) {
    const value = options[name as keyof typeof ONLY_FOR]
    if (value !== undefined && !(formats as readonly string[]).includes(format)) {
      throw badOption(name, `left out for '${format}'`, value)
    }
  }
  const channels = channelsOf(audio, layout, MOST_CHANNELS[format])
  return {
    data: audio.data as DataOf[AudioDType],
    dtype: audio.dtype as AudioDType,
    channels,
    isPlanar: layout === 'CT',
    sampleRate: sampleRate!,
    format,
    bitRate: bitRate ?? BIT_RATE_A_CHANNEL[format] * channels,
    compressionLevel,
    bitDepth,
  }
}

function channelsOf({ shape }: NdArray, layout: AudioLayout, most: number): number {
  if (shape.length !== 1 && shape.length !== 2)
    throw badOption('audio.shape', 'of one or two axes', shape)
  const channels = shape.length === 1 ? 1 : shape[layout === 'CT' ? 0 : 1]!
  if (channels >= 1 && channels <= most) return channels
  throw badOption('audio.shape', `of 1 to ${most} channels (layout '${layout}')`, shape)
}
