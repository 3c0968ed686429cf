import { checkBoolean, checkKnown } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { rateOf, type TimeValue } from '../time.ts'

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

/** @throws MediaError `ERR_BAD_OPTION` with the option that breaks its rule */
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
