import { checkBoolean, checkKnown } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
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

const KNOWN: readonly (keyof EncoderOptions)[] = [
  ...([
    'codec',
    'frameRate',
    'inputPixelFormat',
    'pixelFormat',
    'sampleRate',
    'layout',
    'sampleFormat',
  ] as const),
  ...([
    'channelLayout',
    'bitRate',
    'gopSize',
    'maxBFrames',
    'threads',
    'options',
    'globalHeader',
  ] as const),
]

/** @throws MediaError `ERR_BAD_OPTION` naming the one that breaks its rule */
export function checkedEncoderOptions(options: EncoderOptions): EncoderOptions {
  checkKnown(options, KNOWN)
  const { codec, frameRate, sampleRate, bitRate, gopSize, maxBFrames, threads, globalHeader } =
    options
  if (typeof codec !== 'string' || codec === '')
    throw badOption('codec', 'the name of a codec or an encoder', codec)
  if (frameRate !== undefined) rateOf(frameRate)
  if (globalHeader !== undefined) checkBoolean('globalHeader', globalHeader)
  checkInteger('sampleRate', sampleRate, 1)
  checkInteger('bitRate', bitRate, 1)
  checkInteger('gopSize', gopSize, 0)
  checkInteger('maxBFrames', maxBFrames, 0)
  checkInteger('threads', threads, 0, 64)
  const isStrings = Object.values(options.options ?? {}).every((value) => typeof value === 'string')
  if (!isStrings) throw badOption('options', 'an object of strings', options.options)
  return options
}

function checkInteger(
  name: string,
  value: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (value === undefined) return
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return
  const rule =
    most === Number.MAX_SAFE_INTEGER
      ? `an integer >= ${least}`
      : `an integer from ${least} to ${most}`
  throw badOption(name, rule, value)
}
