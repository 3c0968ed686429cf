import type { Sharp } from 'sharp'
import { MediaError } from '../errors.ts'
import type { ClaimOutput, EncodedImage, ImageBackend } from './backend.ts'
import { MAX_PIXELS, placeScaled, type Size, scaledSize } from './geometry.ts'
import type { ImageTarget } from './options.ts'
import { placePicture } from './place.ts'

type Library = typeof import('sharp').default

/** Decodes with libvips, on libuv's threads. */
export function sharpBackend(sharp: Library): ImageBackend {
  return {
    name: 'sharp',
    async decode(image, target, claim, signal) {
      const { input, picture, hasAlpha, isCmyk } = await inspect(sharp, image)
      signal?.throwIfAborted()
      const scaled = scaledSize(picture, target)
      const resize = (from: Sharp): Sharp => from.resize({ ...scaled, fit: 'fill', kernel: 'linear' })
      let pixels: Buffer
      if (isCmyk) {
        pixels = cmykToRgb(await raw(resize(input.pipelineColourspace('cmyk').toColourspace('cmyk'))))
      } else if (hasAlpha) {
        // Resizing would multiply the colours by alpha, so alpha goes first, in a pipeline of its own.
        const opaque = await input.removeAlpha().toColourspace('srgb').raw().toBuffer()
        pixels = await raw(resize(sharp(opaque, { raw: { ...picture, channels: 3 } })))
      } else pixels = await raw(resize(input.toColourspace('srgb')))
      signal?.throwIfAborted()
      write(pixels, scaled, target, claim)
    },
  }
}

async function inspect(sharp: Library, image: EncodedImage) {
  if (image.format === 'bmp')
    throw new MediaError('ERR_UNSUPPORTED', 'sharp does not read BMP; the ffmpeg backend does')
  // A warning of libjpeg is no fault, a truncated file is one. Profiles are left alone, as in the ffmpeg backend.
  const input = sharp(image.bytes, {
    failOn: 'error',
    ignoreIcc: true,
    limitInputPixels: MAX_PIXELS,
  }).rotate()
  const { width, height, orientation = 1, hasAlpha, space } = await input.metadata()
  const picture: Size = orientation >= 5 ? { width: height, height: width } : { width, height }
  return { input, picture, hasAlpha, isCmyk: space === 'cmyk' }
}

function raw(pipeline: Sharp): Promise<Buffer> {
  return pipeline.raw().toBuffer()
}

function write(pixels: Buffer, scaled: Size, target: ImageTarget, claim: ClaimOutput): void {
  const { width, height } = scaled
  if (pixels.length !== width * height * 3) {
    throw new Error(`sharp gave ${pixels.length} bytes for ${width}x${height} RGB`)
  }
  const placement = placeScaled(scaled, target)
  const channels = [pixels, pixels.subarray(1), pixels.subarray(2)] as const
  const picture = { channels, size: scaled, pixelStride: 3, rowStride: width * 3 }
  placePicture(picture, 1, placement, target.layout, claim(placement.output))
}

/** Ink to light by the plain formula, as FFmpeg and Pillow do it; a press's profile would give other colours. */
function cmykToRgb(inks: Buffer): Buffer {
  const rgb = Buffer.allocUnsafe((inks.length / 4) * 3)
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.round(((255 - inks[from + c]!) * light) / 255)
  }
  return rgb
}
