import type { Frame } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import { type Size, scaledSize } from '../../base/geometry.ts'
import { type FFmpeg, formatName, loadFFmpeg } from '../../ffmpeg/library.ts'
import { type ScaledFrame, Scalers } from '../../ffmpeg/scalers.ts'
import { setTimeout } from '../../timers.ts'
import { type Augmentation, partOf } from '../augment.ts'
import { type EncodedImage, isAnimated, refuseWhatGoesWrong } from '../encoded-image.ts'
import { bmpHeader, bmpPixels, refuseBmp } from '../formats/bmp.ts'
import type { Area } from '../formats/canvas.ts'
import { heifPicture } from '../formats/heif.ts'
import type { JpegHeader } from '../formats/jpeg.ts'
import { jpegColours, jpegForFFmpeg, refuseOtherInks } from '../formats/jpeg-colours.ts'
import { isForFFmpeg, tiffLayout } from '../formats/tiff-layout.ts'
import type { ImageTarget } from '../image-options.ts'
import type { Part } from '../orientation.ts'
import { compose, type Orientation, readOrientation, storedPart } from '../orientation.ts'
import type { ImageDType } from '../pixel-format.ts'
import { allPictures, firstShown } from './animations.ts'
import { withRgbPlanes } from './colours.ts'
import { useHeifFrame } from './decode-heif.ts'
import { useTiffFrame } from './decode-tiff.ts'
import { Graphs } from './graphs.ts'
import { MadeFrames } from './made-frames.ts'
import { Placer as PicturePlacer, turn } from './picture.ts'
import { type DecoderKey, Decoders, type Special } from './still-decoders.ts'
import type { Tools } from './tools.ts'

/**
 * Gives the memory that an image is written to, as soon as size and number of its pictures are
 * known. Called once, and only when the first has been decoded without an error.
 */
export type ClaimOutput = (size: Size, pictures: number) => DataOf[ImageDType]

const IDLE_MS = 5000
const WHOLE: Part = { left: 0, top: 0, width: 1, height: 1 }

/**
 * Decodes images, one at a time, by FFmpeg's synchronous calls: what a thread whose only work this
 * is should do. Pictures are scaled to planes of green, blue and red: half the cost of scaling to
 * interleaved pixels, and closer to the truth (50.0 dB against 46.7 for a 500x375 photograph).
 * Interleaving these natively costs 0.03 ms more, where 'rgb24' from the scaler costs 0.13.
 *
 * Decoders, scalers, graphs and frames are kept for the next image, and freed when there was none
 * for 5 s.
 */
export class ImageDecoder {
  readonly #ffmpeg: FFmpeg
  readonly #decoders: Decoders
  readonly #scalers: Scalers
  /** Made for the first image that is cropped or turned by some degrees. */
  #graphs: Graphs | undefined
  readonly #made: MadeFrames
  #idleTimer: NodeJS.Timeout | undefined

  constructor(ffmpeg: FFmpeg) {
    this.#ffmpeg = ffmpeg
    this.#decoders = new Decoders(ffmpeg)
    this.#scalers = new Scalers(ffmpeg, true)
    this.#made = new MadeFrames(ffmpeg)
  }

  /**
   * Decodes, turns, scales and places an image in memory that it claims. Throws FFmpeg's own error
   * or a `MediaError` without source.
   */
  decode(
    image: EncodedImage,
    target: ImageTarget,
    augmentation: Augmentation | undefined,
    claim: ClaimOutput,
  ): void {
    this.#freeLater()
    this.#decoders.limit(target.maxPixels)
    const orientation = compose(readOrientation(image), augmentation?.turned ?? 1)
    const work: Work = { image, target, orientation, augmentation, claim }
    try {
      if (target.isAnimated && isAnimated(image)) this.#decodeAll(work)
      else if (image.format === 'webp' && isAnimated(image)) this.#decodeFirst(work)
      else this.#decodeOne(work)
    } finally {
      this.#decoders.release()
      this.#graphs?.release()
      this.#scalers.recycle()
    }
  }

  /** Frees everything. The object can be used again. */
  free(): void {
    this.#decoders.free()
    this.#graphs?.free()
    this.#scalers.free()
    this.#made.free()
  }

  #filters(): Graphs {
    this.#graphs ??= new Graphs(this.#ffmpeg)
    return this.#graphs
  }

  #decodeOne(work: Work): void {
    const { format, jpeg } = work.image
    refuseWhatGoesWrong(work.image)
    if (format === 'gif') this.#decodeFirst(work)
    else if (format === 'jpeg') this.#decodeJpeg(work, jpeg!)
    else if (format === 'tiff') this.#decodeTiff(work)
    else if (format === 'bmp') this.#decodeBmp(work)
    else if (format === 'avif' || format === 'heic') this.#decodeHeif(work)
    else this.#decodeFile(work, format)
  }

  #decodeTiff(work: Work): void {
    const { bytes } = work.image
    const layout = tiffLayout(bytes)
    if (isForFFmpeg(layout, bytes)) this.#decodeFile(work, 'tiff', { isAlone: true })
    else useTiffFrame(this.#tools(work), bytes, layout, (frame) => this.#place(work, frame))
  }

  #decodeBmp(work: Work): void {
    const { bytes } = work.image
    const header = bmpHeader(bytes)
    refuseBmp(header)
    const pixels = bmpPixels(bytes, header)
    if (pixels === undefined) this.#decodeFile(work, 'bmp')
    else {
      const format = this.#ffmpeg.constants.AV_PIX_FMT_RGBA
      this.#made.use(pixels, header, format, (frame) => this.#place(work, frame))
    }
  }

  #decodeHeif(work: Work): void {
    const isAlphaWanted = work.target.pixelFormat === 'rgba'
    const place = (frame: Frame): void => this.#place(work, frame)
    useHeifFrame(heifPicture(work.image.bytes), isAlphaWanted, this.#tools(work), place)
  }

  /** A file whose decoder gives the picture as it is. */
  #decodeFile(work: Work, format: DecoderKey['format'], special?: Special): void {
    this.#place(work, this.#decoders.first({ format, lowres: 0 }, work.image.bytes, special))
  }

  #decodeJpeg(work: Work, header: JpegHeader): void {
    const { bytes } = work.image
    const large = sizeToShrink(work)
    const key = { format: 'jpeg', lowres: large === undefined ? 0 : LOWRES } as const
    const isAlone = !header.hasOwnTables
    const frame = this.#decoders.first(key, jpegForFFmpeg(bytes, header), { isAlone })
    const colours = jpegColours(bytes, header)
    if (colours === 'ycc' || colours === 'grey') {
      this.#place(work, frame, large)
      return
    }
    const name = formatName(this.#ffmpeg, frame)
    refuseOtherInks(colours, name)
    if (colours === 'rgb' && name.startsWith('yuv'))
      withRgbPlanes(this.#tools(work), frame, (rgb) => this.#place(work, rgb, large))
    else this.#place(work, frame, large)
  }

  #decodeFirst(work: Work): void {
    for (const frame of firstShown(work.image, this.#tools(work))) {
      this.#place(work, frame)
      return
    }
  }

  #place(work: Work, frame: Frame, shown: Size = frame): void {
    const place = this.#placerFor(work, frame, shown)
    place(frame, work.claim(place.output, 1))
  }

  #decodeAll(work: Work): void {
    const { count, frames } = allPictures(work.image, this.#tools(work))
    let place: Placer | undefined
    let out: DataOf[ImageDType] | undefined
    let done = 0
    for (const frame of frames) {
      if (done === count) break
      place ??= this.#placerFor(work, frame, frame)
      out ??= work.claim(place.output, count)
      const length = out.length / count
      place(frame, out.subarray(done * length, (done + 1) * length) as DataOf[ImageDType])
      done += 1
    }
    if (done < count)
      throw new Error(`the animation is damaged: ${done} of its ${count} pictures were decoded`)
  }

  /**
   * What becomes of decoded frames of the size of `frame`: the same for each of an animation.
   * `picture` is the size of what they show, which is larger where it was decoded at a fraction of
   * it.
   */
  #placerFor({ target, orientation, augmentation }: Work, frame: Size, picture: Size): Placer {
    const shown = turn(picture, orientation)
    const part = augmentation?.part && storedPart(partOf(shown, augmentation.part), orientation)
    const cut = part && cutOf(frame, part)
    const placer = new PicturePlacer(
      this.#ffmpeg,
      this.#scalers,
      cut ?? picture,
      target,
      orientation,
    )
    const degrees = augmentation?.degrees ?? 0
    const rotate = (made: ScaledFrame): ScaledFrame =>
      this.#scalers.describe(this.#filters().rotate(made.frame, degrees), made)
    const place = (decoded: Frame, out: DataOf[ImageDType]): void => {
      this.#scalers.describeColours(decoded)
      const from = cut ? this.#filters().crop(decoded, cut) : decoded
      placer.place(from, out, degrees === 0 ? undefined : rotate)
    }
    return Object.assign(place, { output: placer.output })
  }

  #tools({ target }: Work): Tools {
    return {
      ...{
        ffmpeg: this.#ffmpeg,
        decoders: this.#decoders,
        scalers: this.#scalers,
        made: this.#made,
      },
      limits: target,
    }
  }

  #freeLater(): void {
    if (this.#idleTimer === undefined)
      this.#idleTimer = setTimeout(() => this.free(), IDLE_MS).unref()
    else this.#idleTimer.refresh()
  }
}

/** One image to decode. */
interface Work {
  readonly image: EncodedImage
  readonly target: ImageTarget
  readonly orientation: Orientation
  readonly augmentation: Augmentation | undefined
  readonly claim: ClaimOutput
}

/** Places a decoded frame in memory for `output`. */
interface Placer {
  (frame: Frame, out: DataOf[ImageDType]): void
  readonly output: Size
}

let ofThisThread: ImageDecoder | undefined

/** The decoder of this thread. @throws MediaError `ERR_BACKEND_MISSING` */
export function imageDecoder(): ImageDecoder {
  ofThisThread ??= new ImageDecoder(loadFFmpeg())
  return ofThisThread
}

/**
 * How much larger than the result a JPEG decoded at a fraction of its size must be, lest the loss
 * is seen.
 */
const SPARE = 1.2

/** Smaller pictures have more detail to a pixel, so more would be lost, and less is to be won. */
const LEAST_PIXELS = 1e6

/**
 * A quarter of the size. Half is no option: FFmpeg has no SIMD for it, and it takes longer than the
 * whole; an eighth saves hardly more than a quarter, and loses more.
 */
const LOWRES = 2

/**
 * The frame marker of progressive JPEG; what follows it are kinds that are decoded as a whole or
 * not at all.
 */
const PROGRESSIVE = 0xc2

/**
 * The size of a JPEG that can be decoded at a fraction of it without visible loss; `undefined` for
 * others.
 */
function sizeToShrink({ image, target, orientation, augmentation }: Work): Size | undefined {
  const size = target.mayShrink ? image.jpeg?.frame : undefined
  if (size === undefined || size.marker > PROGRESSIVE || size.width * size.height < LEAST_PIXELS)
    return undefined
  const shown = turn(size, orientation)
  const part = augmentation?.part === undefined ? WHOLE : partOf(shown, augmentation.part)
  const [width, height] = [part.width * shown.width, part.height * shown.height]
  const scaled = scaledSize({ width, height }, target)
  const least = SPARE * 2 ** LOWRES
  return width >= least * scaled.width && height >= least * scaled.height ? size : undefined
}

/** A part in whole pixels; the whole where one would be left. */
function cutOf({ width, height }: Size, part: Part): Area {
  const side = (share: number, whole: number): number =>
    whole < 2 ? whole : Math.min(whole, Math.max(2, Math.round(share * whole)))
  const cut = { width: side(part.width, width), height: side(part.height, height) }
  return {
    ...cut,
    left: Math.min(Math.round(part.left * width), width - cut.width),
    top: Math.min(Math.round(part.top * height), height - cut.height),
  }
}
