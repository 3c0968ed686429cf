import { boolean, choice, integer, is, type Rules, text } from 'spindle/options'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { rateRule, type TimeValue } from '../time.ts'

/** Options of `Encoder`. */
export interface EncoderOptions {
  /**
   * An encoder of FFmpeg (`'libx264'`), or a codec (`'h264'`, `'aac'`), for which an encoder on the
   * CPU is chosen.
   */
  readonly codec: string
  /** Pictures per second. Required for arrays; without it, frames keep their time base. */
  readonly frameRate?: TimeValue
  /** Pixel format of arrays, by FFmpeg's name. Default: from the shape. */
  readonly inputPixelFormat?: string
  /**
   * Pixel format of the encoded stream. Default: that of the frames if the encoder takes it,
   * otherwise `'yuv420p'` or the nearest one that it takes.
   */
  readonly pixelFormat?: string
  /** Samples per second, of arrays and of the encoded stream. Default: that of the frames. */
  readonly sampleRate?: number
  /** Order of the axes of arrays of samples. Default `'CT'`. */
  readonly layout?: 'CT' | 'TC'
  /** Sample format of the encoded stream, by FFmpeg's name. Default: the encoder's first. */
  readonly sampleFormat?: string
  /** Channel layout of the encoded stream: `'mono'`, `'stereo'`. Default: as in the input. */
  readonly channelLayout?: string
  /** Bits per second. Default: the encoder's; most aim at a quality instead. */
  readonly bitRate?: number
  /** Largest number of pictures between keyframes. Default: the encoder's. */
  readonly gopSize?: number
  /** Largest number of consecutive B-pictures. Default: the encoder's. */
  readonly maxBFrames?: number
  /** Threads of this encoder, an integer from 0 to 64; 0 means one for each core. Default 1. */
  readonly threads?: number
  /**
   * Other options, by FFmpeg's names: `{ crf: '18', preset: 'fast' }`; an unknown option is an
   * error.
   */
  readonly options?: Readonly<Record<string, string>>
  /**
   * Whether the codec's headers are in the stream's parameters (for MP4 and Matroska; default) or
   * before keyframes (for MPEG-TS and raw streams).
   */
  readonly globalHeader?: boolean
}

const encoderOptions = mediaOptions('EncoderOptions', {
  codec: is('the name of a codec or an encoder', isName, { required: true }),
  frameRate: rateRule,
  inputPixelFormat: text(),
  pixelFormat: text(),
  sampleRate: integer({ min: 1, unit: 'Hz' }),
  layout: choice(['CT', 'TC'], { default: 'CT' }),
  sampleFormat: text(),
  channelLayout: text(),
  bitRate: integer({ min: 1, unit: 'bits a second' }),
  gopSize: integer({ min: 0, unit: 'pictures' }),
  maxBFrames: integer({ min: 0, unit: 'pictures' }),
  threads: integer({ min: 0, max: 64, default: 1 }),
  options: stringsRule,
  globalHeader: boolean(),
} satisfies Rules<EncoderOptions>)

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** @throws MediaError `ERR_BAD_OPTION` with the option that breaks its rule */
export function checkedEncoderOptions(options: EncoderOptions): EncoderOptions {
  encoderOptions.check(options)
  return options
}
