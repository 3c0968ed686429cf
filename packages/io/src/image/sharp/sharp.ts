import { availableParallelism } from 'node:os'
import type { Sharp, SharpOptions } from 'sharp'
import { limitCalls, type OpCall } from 'spindle/worker'
import type { DataOf } from '../../base/array.ts'
import { MediaError, nameSource } from '../../base/errors.ts'
import { placeScaled, type Size, scaledSize } from '../../base/geometry.ts'
import type { ScaleAlgorithm } from '../../ffmpeg/scalers.ts'
import { describeSource, type ImageSource } from '../../files/source.ts'
import { readSource } from '../../files/source-bytes.ts'
import type { Fetching } from '../../files/url-options.ts'
import { type Augmentation, partOf } from '../augment.ts'
import type { Encoding, Samples } from '../encode-image-options.ts'
import type { EncodedImage } from '../encoded-image.ts'
import { recogniseWithin } from '../encoded-image.ts'
import { refuseMatrixForSharp } from '../ffmpeg/colours.ts'
import { firstGifPicture } from '../formats/gif.ts'
import { gifBlank } from '../formats/gif-frames.ts'
import { colourFacts } from '../formats/heif.ts'
import { refuseTiffForSharp, tiffLayout } from '../formats/tiff-layout.ts'
import { checkResultBytes } from '../image-limits.ts'
import type { ImageTarget } from '../image-options.ts'
import type { ImageResult } from '../load-image-in-thread.ts'
import { isQuarterTurn, storedPart } from '../orientation.ts'
import { bytesPer, type ImageDType, imageArray, imageShape, product } from '../pixel-format.ts'
import { type Picture, placePicture } from '../place.ts'
import { encodeWithSharp } from './sharp-encode.ts'

type Library = typeof import('sharp').default
/**
 * A warning of libjpeg is not an error; a truncated file is. Profiles are ignored, as in the ffmpeg
 * backend.
 */
function readingOf({ maxPixels }: ImageTarget): SharpOptions {
  return {
    ...{ failOn: 'error', ignoreIcc: true },
    limitInputPixels: maxPixels === Number.POSITIVE_INFINITY ? false : maxPixels,
  }
}

type Claim = (size: Size) => DataOf[ImageDType]

/** The backend with libvips, which decodes on libuv's threads. */
export interface SharpBackend {
  readonly name: 'sharp'
  /**
   * Reads, decodes and places an image in memory that it claims. It does not write after it has
   * settled.
   */
  load(
    source: ImageSource,
    target: ImageTarget,
    augmentation: Augmentation | undefined,
    claim: Claim,
    fetching: Fetching,
    caller: OpCall,
  ): Promise<void>
  encode(samples: Samples, encoding: Encoding, caller: OpCall): Promise<Uint8Array>
}

export function sharpBackend(sharp: Library): SharpBackend {
  // One more than the number of threads, so that the next image is ready when a thread is free.
  const inThreads = limitCalls(setThreads(sharp) + 1)
  return {
    name: 'sharp',
    async load(source, target, augmentation, claim, fetching, caller) {
      refuseWhatItCannot(target, augmentation)
      const bytes = await readSource(source, fetching)
      const { signal } = fetching
      try {
        const image = recogniseWithin(bytes, target)
        await inThreads(() => {
          signal?.throwIfAborted()
          return decode(sharp, image, target, augmentation, claim, signal)
        }, caller)
      } catch (error) {
        signal?.throwIfAborted()
        throw nameSource(error, describeSource(source))
      }
    },
    encode: (samples, encoding, caller) =>
      inThreads(() => encodeWithSharp(sharp, samples, encoding), caller),
  }
}

/** Loads one image into its own memory. */
export async function loadWithSharp(
  backend: SharpBackend,
  source: ImageSource,
  target: ImageTarget,
  augmentation: Augmentation | undefined,
  fetching: Fetching,
  caller: OpCall,
): Promise<ImageResult> {
  const { dtype, pixelFormat, layout } = target
  let loaded: ImageResult | undefined
  const claim: Claim = (size) => {
    const shape = imageShape(pixelFormat, layout, size)
    loaded = { data: imageArray(dtype, product(shape)), dtype, shape }
    return loaded.data
  }
  await backend.load(source, target, augmentation, claim, fetching, caller)
  return loaded!
}

let isWarned = false

/**
 * One budget of threads. Images are decoded in parallel, so one thread for each is best. The size
 * of libuv's pool, which is fixed when the program starts, decides their number. Returns that
 * number.
 */
function setThreads(sharp: Library): number {
  sharp.concurrency(1)
  const threads = Number(process.env.UV_THREADPOOL_SIZE) || 4
  const cores = availableParallelism()
  if (threads >= cores || isWarned) return threads
  isWarned = true
  process.emitWarning(
    `sharp can use only ${threads} of ${cores} cores: start the program with UV_THREADPOOL_SIZE=${cores + 1}`,
    { type: 'SpindleWarning', code: 'SPINDLE_SHARP_THREADS' },
  )
  return threads
}

function refuseWhatItCannot(
  { pixelFormat, algorithm, isAnimated }: ImageTarget,
  augmentation: Augmentation | undefined,
): void {
  const refuse = (what: string): never => {
    throw new MediaError('ERR_UNSUPPORTED', `${what} needs the ffmpeg backend`)
  }
  if (pixelFormat === 'gray16' || pixelFormat === 'yuv420p' || pixelFormat === 'nv12')
    refuse(`\`pixelFormat: '${pixelFormat}'\``)
  if (algorithm === 'area') refuse("`algorithm: 'area'`")
  if (isAnimated) refuse("`frames: 'all'`")
  if (augmentation !== undefined && augmentation.degrees !== 0) refuse('`augment.rotate`')
}

async function decode(
  sharp: Library,
  image: EncodedImage,
  target: ImageTarget,
  augmentation: Augmentation | undefined,
  claim: Claim,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { input, picture, hasAlpha, isCmyk, isLimitedGrey } = await inspect(sharp, image, target)
  signal?.throwIfAborted()
  const turned = augmentation?.turned ?? 1
  const turn = ({ width, height }: Size): Size =>
    isQuarterTurn(turned) ? { width: height, height: width } : { width, height }
  const wanted = augmentation?.part && storedPart(partOf(turn(picture), augmentation.part), turned)
  // sharp decodes at a fraction of the size unless a part is requested; the whole counts as a part.
  const part = wanted ?? (target.mayShrink ? undefined : WHOLE)
  const cut = part && {
    width: Math.max(1, Math.round(part.width * picture.width)),
    height: Math.max(1, Math.round(part.height * picture.height)),
    left: Math.min(picture.width - 1, Math.round(part.left * picture.width)),
    top: Math.min(picture.height - 1, Math.round(part.top * picture.height)),
  }
  if (cut !== undefined) {
    cut.left = Math.min(cut.left, picture.width - cut.width)
    cut.top = Math.min(cut.top, picture.height - cut.height)
  }
  const scaled = scaledSize(turn(cut ?? picture), target)
  const placement = placeScaled(scaled, target)
  const { pixelFormat, layout, dtype } = target
  checkResultBytes(
    product(imageShape(pixelFormat, layout, placement.output)) * bytesPer(dtype),
    target,
  )
  const stored = turn(scaled)
  const resize = (from: Sharp): Sharp =>
    (cut === undefined ? from : from.extract(cut)).resize({
      ...stored,
      fit: 'fill',
      kernel: KERNELS[target.algorithm],
    })
  const alphaOf = (from: Sharp): Promise<Buffer> =>
    raw(resize(from.clone().ensureAlpha().extractChannel(3).toColourspace('b-w')))
  let pixels: Buffer
  let alpha: Buffer | undefined
  if (isCmyk) {
    pixels = cmykToRgb(await raw(resize(input.pipelineColourspace('cmyk').toColourspace('cmyk'))))
  } else if (hasAlpha) {
    if (pixelFormat === 'rgba') alpha = await alphaOf(input)
    // Resizing would multiply the colours by alpha, so a separate pipeline removes alpha first.
    const opaque = await coloursOf(sharp, image, input, target)
      .toColourspace('srgb')
      .raw()
      .toBuffer()
    if (image.format === 'gif') fillAround(opaque, picture, image.bytes)
    pixels = await raw(resize(sharp(opaque, { raw: { ...picture, channels: 3 } })))
  } else pixels = await raw(resize(input.toColourspace('srgb')))
  if (isLimitedGrey) widen(pixels)
  signal?.throwIfAborted()
  if (pixels.length !== stored.width * stored.height * 3) {
    throw new Error(`sharp gave ${pixels.length} bytes for ${stored.width}x${stored.height} RGB`)
  }
  placePicture(
    pictureOf(pixels, alpha, stored, target),
    turned,
    placement,
    target,
    claim(placement.output),
  )
}

const WHOLE = { left: 0, top: 0, width: 1, height: 1 } as const

const KERNELS: Readonly<Record<ScaleAlgorithm, 'linear' | 'cubic' | 'lanczos3' | 'nearest'>> = {
  bilinear: 'linear',
  bicubic: 'cubic',
  lanczos: 'lanczos3',
  nearest: 'nearest',
  area: 'linear', // refused earlier
}

async function inspect(sharp: Library, image: EncodedImage, target: ImageTarget) {
  if (image.format === 'bmp')
    throw new MediaError('ERR_UNSUPPORTED', 'sharp does not read BMP; the ffmpeg backend does')
  if (image.format === 'heic')
    throw new MediaError('ERR_UNSUPPORTED', 'sharp does not read HEIC; the ffmpeg backend does')
  const colours = image.format === 'avif' ? colourFacts(image.bytes) : undefined
  if (colours !== undefined) refuseMatrixForSharp(colours.matrix)
  if (image.format === 'tiff') refuseTiffForSharp(tiffLayout(image.bytes))
  const input = sharp(image.bytes, readingOf(target)).rotate()
  const { width, height, orientation = 1, hasAlpha, space } = await input.metadata()
  const picture: Size = orientation >= 5 ? { width: height, height: width } : { width, height }
  const isLimitedGrey = colours?.isLimitedGrey === true
  return { input, picture, hasAlpha, isCmyk: space === 'cmyk', isLimitedGrey }
}

/**
 * A picture without its alpha. libvips gives the colours of transparent GIF pixels only if the file
 * does not mark them as transparent.
 */
function coloursOf(
  sharp: Library,
  { bytes, format }: EncodedImage,
  input: Sharp,
  target: ImageTarget,
): Sharp {
  const first = format === 'gif' ? firstGifPicture(bytes) : undefined
  if (first === undefined || first.transparent < 0) return input.clone().removeAlpha()
  const opaque = Buffer.from(bytes)
  opaque[first.controlStart + 3]! &= ~1
  return sharp(opaque, readingOf(target)).removeAlpha()
}

/**
 * Gives the area that the first picture of a GIF does not cover the same colour as the ffmpeg
 * backend.
 */
function fillAround(pixels: Buffer, { width, height }: Size, file: Buffer): void {
  const first = firstGifPicture(file)
  if (first.left === 0 && first.top === 0 && first.width >= width && first.height >= height) return
  const [red, green, blue] = gifBlank(first)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const isInside =
        x >= first.left &&
        x < first.left + first.width &&
        y >= first.top &&
        y < first.top + first.height
      if (!isInside) pixels.set([red, green, blue], at)
    }
  }
}

function raw(pipeline: Sharp): Promise<Buffer> {
  return pipeline.raw().toBuffer()
}

/** The requested channels of RGB pixels. */
function pictureOf(
  pixels: Buffer,
  alpha: Buffer | undefined,
  size: Size,
  { pixelFormat }: ImageTarget,
): Picture {
  const { width, height } = size
  const interleaved = (data: Buffer, channels: number, order: readonly number[]): Picture => ({
    channels: order.map((c) => data.subarray(c)),
    size,
    pixelStride: channels,
    rowStrides: order.map(() => width * channels),
  })
  if (pixelFormat === 'gray8') return interleaved(toGrey(pixels), 1, [0])
  if (pixelFormat === 'bgr24') return interleaved(swapEnds(pixels), 3, [0, 1, 2])
  if (pixelFormat !== 'rgba') return interleaved(pixels, 3, [0, 1, 2])
  const joined = Buffer.alloc(width * height * 4, 255)
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += 3, to += 4) {
    for (let c = 0; c < 3; c++) joined[to + c] = pixels[from + c]!
    if (alpha !== undefined) joined[to + 3] = alpha[i]!
  }
  return interleaved(joined, 4, [0, 1, 2, 3])
}

/** By BT.601, as FFmpeg does; libvips would use linear light. */
function toGrey(pixels: Buffer): Buffer {
  const grey = Buffer.allocUnsafe(pixels.length / 3)
  for (let from = 0, to = 0; to < grey.length; from += 3, to++) {
    grey[to] = Math.round(
      0.299 * pixels[from]! + 0.587 * pixels[from + 1]! + 0.114 * pixels[from + 2]!,
    )
  }
  return grey
}

/** Converts limited range, 16 to 235, to full range. */
function widen(pixels: Buffer): void {
  for (let i = 0; i < pixels.length; i++)
    pixels[i] = Math.max(0, Math.min(255, Math.round(((pixels[i]! - 16) * 255) / 219)))
}

function swapEnds(pixels: Buffer): Buffer {
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at]!
    pixels[at] = pixels[at + 2]!
    pixels[at + 2] = red
  }
  return pixels
}

/**
 * Converts inks by the plain formula, as FFmpeg and Pillow do; a press profile would give other
 * colours.
 */
function cmykToRgb(inks: Buffer): Buffer {
  const rgb = Buffer.allocUnsafe((inks.length / 4) * 3)
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.round(((255 - inks[from + c]!) * light) / 255)
  }
  return rgb
}
