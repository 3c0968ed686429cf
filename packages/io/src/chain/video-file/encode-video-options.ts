import type { NdArray } from '../../base/array.ts'
import { checkKnown, checkSignal } from '../../base/check.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { localPath } from '../../files/atomic-file.ts'
import { rateOf, type TimeValue } from '../time.ts'

/** The sound of a video. */
export interface SoundTrack {
  /** Samples: `[channels, samples]`, uint8, int16, int32, float32 or float64. */
  readonly array: NdArray
  /** Samples a second. */
  readonly sampleRate: number
  /** Axes of the array. Default `'CT'`. */
  readonly layout?: 'CT' | 'TC'
  /** A codec, or an encoder of FFmpeg's. Default: as is usual in the format. */
  readonly codec?: string
  /** Bits a second. Default: the encoder's. */
  readonly bitRate?: number
}

/** How pictures become a video. */
export interface EncodeVideoOptions {
  /** Pictures a second, > 0: a number or `{ num, den }`. */
  readonly frameRate: TimeValue
  /**
   * A codec (`'h264'`, `'hevc'`, `'vp9'`, `'av1'`, `'mpeg4'`, `'ffv1'`, …) or an encoder of
   * FFmpeg's. Default: as is usual in the format.
   */
  readonly codec?: string
  /**
   * Pixel format of the array, FFmpeg's name. Default by its shape: `'rgb24'`, `'rgba'`, `'gray8'`.
   */
  readonly inputPixelFormat?: string
  /**
   * Pixel format to encode. Default `'yuv420p'`, which every player knows, where the encoder takes
   * it; `'yuv444p'` for odd sizes, and what the array has for lossless codecs.
   */
  readonly pixelFormat?: string
  /** Bits a second. Default: the encoder's, which mostly aims at a quality instead. */
  readonly bitRate?: number
  /** Pictures from one keyframe to the next at most. Default: the encoder's. */
  readonly gopSize?: number
  /** Other options of the encoder, as FFmpeg names them: `{ crf: '18', preset: 'fast' }`. */
  readonly encoderOptions?: Readonly<Record<string, string>>
  /** Options of the format, as FFmpeg names them: `{ movflags: '+faststart' }`. */
  readonly formatOptions?: Readonly<Record<string, string>>
  /** Threads of the encoder, 0 to 64; 0 is one a core. Default 1. */
  readonly threads?: number
  /** Tags: `{ title: … }`. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly audio?: SoundTrack
  /** Aborts waiting; what has begun is finished. */
  readonly signal?: AbortSignal
}

/** The same, to a file. */
export interface SaveVideoOptions extends EncodeVideoOptions {
  /** FFmpeg's name of the format. Default: as the path ends. */
  readonly format?: string
}

/** What a thread needs to know in order to encode. */
export interface VideoJob extends Omit<EncodeVideoOptions, 'signal'> {
  readonly array: NdArray
  readonly format: string | undefined
  /** `undefined` for bytes. */
  readonly path: string | undefined
}

const KNOWN: readonly (keyof SaveVideoOptions)[] = [
  ...([
    'frameRate',
    'codec',
    'inputPixelFormat',
    'pixelFormat',
    'bitRate',
    'gopSize',
    'encoderOptions',
  ] as const),
  ...(['formatOptions', 'threads', 'metadata', 'audio', 'signal', 'format'] as const),
]

/** Checks what `saveVideo` is given. @throws MediaError `ERR_BAD_OPTION` */
export function saveVideoJob(
  path: string | URL,
  array: NdArray,
  options: SaveVideoOptions,
): VideoJob {
  return videoJob(array, localPath(path), options)
}

/** @throws MediaError `ERR_BAD_OPTION` naming the one that breaks its rule */
export function videoJob(
  array: NdArray,
  path: string | undefined,
  options: SaveVideoOptions,
): VideoJob {
  checkNdArray(array, 'array')
  checkKnown(options, KNOWN)
  const { signal, audio, format, ...rest } = options
  checkSignal(signal)
  rateOf(options.frameRate)
  if (array.shape[0] === 0 || array.data.length === 0)
    throw badOption('array', 'of one picture at least', `[${array.shape.join(', ')}]`)
  if (audio !== undefined) {
    checkKnown(audio, ['array', 'sampleRate', 'layout', 'codec', 'bitRate'])
    checkNdArray(audio.array, 'audio.array')
  }
  return { ...rest, array, path, format, ...(audio === undefined ? {} : { audio }) }
}
