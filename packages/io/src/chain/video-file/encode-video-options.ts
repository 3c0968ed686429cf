import { choice, group, integer, object, type Rules, signal, text } from 'spindle/options'
import type { NdArray } from '../../base/array.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { localPath } from '../../files/atomic-file.ts'
import { givenRateRule, type TimeValue } from '../time.ts'

/** Sound of a video to encode. */
export interface SoundTrack {
  /**
   * Samples: `[channels, samples]` (or `[samples, channels]`, see `layout`) as uint8, int16, int32,
   * float32 or float64.
   */
  readonly array: NdArray
  /** Samples per second. */
  readonly sampleRate: number
  /** Order of the array's axes. Default `'CT'`. */
  readonly layout?: 'CT' | 'TC'
  /** A codec, or an encoder of FFmpeg. Default: the usual one of the format. */
  readonly codec?: string
  /** Bits per second. Default: the encoder's. */
  readonly bitRate?: number
}

/** Options of `encodeVideo`. */
export interface EncodeVideoOptions {
  /** Pictures per second, > 0: a number or `{ num, den }`. */
  readonly frameRate: TimeValue
  /**
   * A codec (`'h264'`, `'hevc'`, `'vp9'`, `'av1'`, `'mpeg4'`, `'ffv1'`, …) or an encoder of FFmpeg.
   * Default: the usual one of the format.
   */
  readonly codec?: string
  /**
   * Pixel format of the array, by FFmpeg's name. Default: from the shape, `'rgb24'`, `'rgba'` or
   * `'gray8'`.
   */
  readonly inputPixelFormat?: string
  /**
   * Pixel format of the encoded video. Default: `'yuv420p'`, which every player supports, if the
   * encoder takes it; `'yuv444p'` for odd sizes; the array's format for lossless codecs.
   */
  readonly pixelFormat?: string
  /** Bits per second. Default: the encoder's; most aim at a quality instead. */
  readonly bitRate?: number
  /** Largest number of pictures between keyframes. Default: the encoder's. */
  readonly gopSize?: number
  /** Other options of the encoder, by FFmpeg's names: `{ crf: '18', preset: 'fast' }`. */
  readonly encoderOptions?: Readonly<Record<string, string>>
  /** Options of the format, by FFmpeg's names: `{ movflags: '+faststart' }`. */
  readonly formatOptions?: Readonly<Record<string, string>>
  /** Threads of the encoder, an integer from 0 to 64; 0 means one for each core. Default 1. */
  readonly threads?: number
  /** Tags: `{ title: … }`. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Sound of the video. Default: none. */
  readonly audio?: SoundTrack
  /**
   * Aborts the wait: the call rejects with the signal's reason. Work that has begun runs to its
   * end.
   */
  readonly signal?: AbortSignal
}

/** Options of `saveVideo`. */
export interface SaveVideoOptions extends EncodeVideoOptions {
  /** Format, by FFmpeg's name. Default: from the extension of the path. */
  readonly format?: string
}

/** A request to encode a video, for a thread. */
export interface VideoJob extends Omit<EncodeVideoOptions, 'signal'> {
  readonly array: NdArray
  readonly format: string | undefined
  /** Path of the file; `undefined` for bytes. */
  readonly path: string | undefined
}

const trackOptions = mediaOptions('SoundTrack', {
  array: object({ required: true }),
  sampleRate: integer({ min: 1, required: true, unit: 'Hz' }),
  layout: choice(['CT', 'TC'], { default: 'CT' }),
  codec: text(),
  bitRate: integer({ min: 1, unit: 'bits a second' }),
} satisfies Rules<SoundTrack>)

const videoOptions = mediaOptions('SaveVideoOptions', {
  frameRate: givenRateRule,
  codec: text(),
  inputPixelFormat: text(),
  pixelFormat: text(),
  bitRate: integer({ min: 1, unit: 'bits a second' }),
  gopSize: integer({ min: 0, unit: 'pictures' }),
  encoderOptions: stringsRule,
  formatOptions: stringsRule,
  threads: integer({ min: 0, max: 64, default: 1 }),
  metadata: stringsRule,
  audio: group(trackOptions),
  signal: signal(),
  format: text(),
} satisfies Rules<SaveVideoOptions>)

/**
 * Checks the arguments of `saveVideo`.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function saveVideoJob(
  path: string | URL,
  array: NdArray,
  options: SaveVideoOptions,
): VideoJob {
  return videoJob(array, localPath(path), options)
}

/** @throws MediaError `ERR_BAD_OPTION` with the option that breaks its rule */
export function videoJob(
  array: NdArray,
  path: string | undefined,
  options: SaveVideoOptions,
): VideoJob {
  checkNdArray(array, 'array')
  videoOptions.check(options)
  const { signal: _, audio, format, ...rest } = options
  if (array.shape[0] === 0 || array.data.length === 0)
    throw badOption('array', 'of one picture at least', `[${array.shape.join(', ')}]`)
  if (audio !== undefined) checkNdArray(audio.array, 'audio.array')
  return { ...rest, array, path, format, ...(audio === undefined ? {} : { audio }) }
}
