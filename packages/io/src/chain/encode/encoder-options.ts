import { anything, boolean, choice, integer, is, type Rules, text } from 'spindle/options'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { rateOf, type TimeValue } from '../time.ts'

/** How a stream is encoded. */
export interface EncoderOptions {
  /**
   * An encoder of FFmpeg's, `'libx264'`, or a codec, `'h264'`, `'aac'`, for which one is chosen
   * that runs on the processor.
   */
  readonly codec: string
  /** Pictures a second. Needed for arrays; without it frames keep their time base. */
  readonly frameRate?: TimeValue
  /** Pixel format of arrays, FFmpeg's name. Default: by their shape. */
  readonly inputPixelFormat?: string
  /**
   * Pixel format to encode. Default: that of the frames where the encoder takes it, else
   * `'yuv420p'` or the nearest that it takes.
   */
  readonly pixelFormat?: string
  /** Samples a second: of arrays, and to encode. Default: that of the frames. */
  readonly sampleRate?: number
  /** Axes of arrays of samples. Default `'CT'`. */
  readonly layout?: 'CT' | 'TC'
  /** Sample format to encode, FFmpeg's name. Default: the encoder's first. */
  readonly sampleFormat?: string
  /** Channels to encode: `'mono'`, `'stereo'`. Default: as they come. */
  readonly channelLayout?: string
  /** Bits a second. Default: the encoder's, which mostly aims at a quality instead. */
  readonly bitRate?: number
  /** Pictures from one keyframe to the next at most. Default: the encoder's. */
  readonly gopSize?: number
  /** B-pictures in a row at most. Default: the encoder's. */
  readonly maxBFrames?: number
  /** Threads of this encoder, 0 to 64; 0 is one a core. Default 1. */
  readonly threads?: number
  /**
   * Other options, as FFmpeg names them: `{ crf: '18', preset: 'fast' }`; unknown ones are errors.
   */
  readonly options?: Readonly<Record<string, string>>
  /**
   * Whether what decoders need stands in the stream's parameters (MP4, Matroska: default) or before
   * keyframes (MPEG-TS, raw streams).
   */
  readonly globalHeader?: boolean
}

const encoderOptions = mediaOptions('EncoderOptions', {
  codec: is('the name of a codec or an encoder', isName, { required: true }),
  frameRate: anything(),
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

/** @throws MediaError `ERR_BAD_OPTION` naming the one that breaks its rule */
export function checkedEncoderOptions(options: EncoderOptions): EncoderOptions {
  const { frameRate } = encoderOptions.check(options)
  if (frameRate !== undefined) rateOf(frameRate)
  return options
}
