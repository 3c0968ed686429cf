import type { Frame as AvFrame } from 'node-av/lib'
import { choice, exactInteger, group, integer, type Rules, text } from 'spindle/options'
import type { NdArray } from '../../base/array.ts'
import { bytesOf, checkNdArray } from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { type FrameShape, newFrame } from '../../ffmpeg/frames.ts'
import { check, loadFFmpeg } from '../../ffmpeg/library.ts'
import { SAMPLE_FORMATS, type SampleDType, sampleFormatOf } from '../../ffmpeg/sample-formats.ts'
import { givenRateRule, rateOf, type TimeValue } from '../time.ts'
import { pixelFormatNumber } from './to-array.ts'

/** The format of the pictures of an array. */
export interface VideoArrayOptions {
  /** Pictures per second, > 0. */
  readonly frameRate: TimeValue
  /**
   * Pixel format, by FFmpeg's name. Default: from the shape, `'rgb24'` for `[N, H, W, 3]`, `'rgba'`
   * for 4 and `'gray8'` for 1 channel or `[N, H, W]`.
   */
  readonly pixelFormat?: string
  /**
   * Width and height in pixels, for formats whose planes differ in size, where the shape does not
   * tell them.
   */
  readonly size?: {
    /** Width in pixels, an integer >= 1. */
    readonly width: number
    /** Height in pixels, an integer >= 1. */
    readonly height: number
  }
  /** Time stamp of the first picture, in pictures. Default 0. */
  readonly firstPts?: number
}

/** The format of the samples of an array. */
export interface AudioArrayOptions {
  /** Samples per second. */
  readonly sampleRate: number
  /**
   * Order of the axes: `'CT'` (default) is `[channels, samples]`, `'TC'` is `[samples, channels]`.
   */
  readonly layout?: 'CT' | 'TC'
  /** Time stamp of the first sample, in samples. Default 0. */
  readonly firstPts?: number
}

const side = integer({ min: 1, required: true, unit: 'pixels' })
const pictureSize = mediaOptions('VideoArrayOptions.size', { width: side, height: side })

const videoArray = mediaOptions('VideoArrayOptions', {
  frameRate: givenRateRule,
  pixelFormat: text(),
  size: group(pictureSize),
  firstPts: exactInteger({ default: 0 }),
} satisfies Rules<VideoArrayOptions>)

const audioArray = mediaOptions('AudioArrayOptions', {
  sampleRate: integer({ min: 1, required: true, unit: 'Hz' }),
  layout: choice(['CT', 'TC'], { default: 'CT' }),
  firstPts: exactInteger({ default: 0 }),
} satisfies Rules<AudioArrayOptions>)

/**
 * Copies pictures into frames.
 *
 * @throws MediaError `ERR_BAD_OPTION` if shape, dtype and format do not fit
 */
export function picturesFromArray(array: NdArray, options: VideoArrayOptions): AvFrame[] {
  checkNdArray(array, 'array')
  const { frameRate, pixelFormat, size: given, firstPts } = videoArray.check(options)
  const rate = rateOf(frameRate)
  const ffmpeg = loadFFmpeg()
  const { av } = ffmpeg
  const { shape } = array
  const name = pixelFormat ?? guessFormat(shape)
  const format = pixelFormatNumber(ffmpeg, name)
  const { width, height } = given ?? sizeOfPictures(shape, name)
  const size = av.avImageGetBufferSize(format, width, height, 1)
  const bytes = bytesOf(array.data)
  const count = shape[0] ?? 0
  if (count * size !== bytes.length) {
    throw badOption(
      'array',
      `${count} pictures of ${width}x${height} in ${name}, which are ${count * size} bytes`,
      `${bytes.length} bytes`,
    )
  }
  const first = BigInt(firstPts)
  return collect(count, (i) => {
    return filled(
      ffmpeg,
      { width, height, format },
      bytes.subarray(i * size, (i + 1) * size),
      first + BigInt(i),
      { num: rate.den, den: rate.num },
      1n,
    )
  })
}

/** Samples in a frame that is made from an array. */
const SAMPLES_IN_FRAME = 4096

/**
 * Copies samples into frames.
 *
 * @throws MediaError `ERR_BAD_OPTION` if shape and dtype do not fit
 */
export function soundFromArray(array: NdArray, options: AudioArrayOptions): AvFrame[] {
  checkNdArray(array, 'array')
  const { sampleRate, layout, firstPts } = audioArray.check(options)
  const dtype = array.dtype as SampleDType
  if (!Object.hasOwn(SAMPLE_FORMATS, dtype))
    throw badOption('array.dtype', Object.keys(SAMPLE_FORMATS).join(' or '), dtype)
  const shape =
    array.shape.length === 1
      ? layout === 'CT'
        ? [1, ...array.shape]
        : [...array.shape, 1]
      : array.shape
  if (shape.length !== 2) throw badOption('array.shape', 'of one or two dimensions', array.shape)
  const isPlanar = layout === 'CT'
  const [channels, samples] = isPlanar ? [shape[0]!, shape[1]!] : [shape[1]!, shape[0]!]
  if (channels < 1 || channels > 64)
    throw badOption('array.shape', 'of 1 to 64 channels', array.shape)
  const ffmpeg = loadFFmpeg()
  const { av } = ffmpeg
  const format = sampleFormatOf(ffmpeg, { dtype, isPlanar })
  const step = array.data.BYTES_PER_ELEMENT * (isPlanar ? 1 : channels)
  const lanes = isPlanar ? channels : 1
  const bytes = bytesOf(array.data)
  const first = BigInt(firstPts)
  return collect(Math.ceil(samples / SAMPLES_IN_FRAME), (i) => {
    const from = i * SAMPLES_IN_FRAME
    const count = Math.min(SAMPLES_IN_FRAME, samples - from)
    const part = new Uint8Array(count * step * lanes)
    for (let lane = 0; lane < lanes; lane++) {
      const at = (lane * samples + from) * step
      part.set(bytes.subarray(at, at + count * step), lane * count * step)
    }
    const channelLayout = av.avChannelLayoutDefault(channels)
    return filled(
      ffmpeg,
      { nbSamples: count, format, sampleRate, channelLayout },
      part,
      first + BigInt(from),
      { num: 1, den: sampleRate },
      BigInt(count),
    )
  })
}

function filled(
  ffmpeg: ReturnType<typeof loadFFmpeg>,
  shape: FrameShape,
  bytes: Uint8Array,
  pts: bigint,
  timeBase: { readonly num: number; readonly den: number },
  duration: bigint,
): AvFrame {
  const frame = newFrame(ffmpeg, shape)
  try {
    // Some parts of node-av do not accept shared memory.
    const plain =
      bytes.buffer instanceof SharedArrayBuffer
        ? Buffer.from(bytes)
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    check(ffmpeg, frame.fromBuffer(plain), 'filling a frame')
    frame.pts = pts
    frame.duration = duration
    frame.timeBase = new ffmpeg.av.Rational(timeBase.num, timeBase.den)
    return frame
  } catch (error) {
    frame.free()
    throw error
  }
}

/** Frees the frames that were made if a later one fails. */
function collect(count: number, make: (i: number) => AvFrame): AvFrame[] {
  const made: AvFrame[] = []
  try {
    for (let i = 0; i < count; i++) made.push(make(i))
    return made
  } catch (error) {
    for (const frame of made) frame.free()
    throw error
  }
}

function guessFormat(shape: readonly number[]): string {
  if (shape.length === 3) return 'gray8'
  const found = shape.length === 4 ? { 1: 'gray8', 3: 'rgb24', 4: 'rgba' }[shape[3]!] : undefined
  if (found === undefined)
    throw badOption('pixelFormat', 'given for an array of this shape', `[${shape.join(', ')}]`)
  return found
}

function sizeOfPictures(
  shape: readonly number[],
  format: string,
): { width: number; height: number } {
  if (shape.length === 4) {
    // Planes come first if the format has them.
    const isPlanar = /^(yuv|gbr)/.test(format)
    return isPlanar
      ? { width: shape[3]!, height: shape[2]! }
      : { width: shape[2]!, height: shape[1]! }
  }
  if (shape.length !== 3)
    throw badOption('size', 'given for an array of this shape', `[${shape.join(', ')}]`)
  const rows = shape[1]!
  if (/420p|nv12|nv21|p01/.test(format))
    return { width: shape[2]!, height: Math.floor((rows * 2) / 3) }
  return { width: shape[2]!, height: /422p|nv16|440p/.test(format) ? rows / 2 : rows }
}
