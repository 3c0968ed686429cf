import type { Sharp } from 'sharp'
import { MediaError } from '../../base/errors.ts'
import type { Encoding, Samples } from '../encode-image-options.ts'

/**
 * Encodes an image with libvips.
 *
 * @throws MediaError `ERR_ENCODE`
 */
export async function encodeWithSharp(
  sharp: typeof import('sharp').default,
  samples: Samples,
  encoding: Encoding,
): Promise<Uint8Array> {
  const { width, height, channels, data } = samples
  try {
    let image = sharp(interleaved(samples), { raw: { width, height, channels } })
    if (data instanceof Uint16Array) image = image.toColourspace('grey16')
    else if (channels === 1) image = image.toColourspace('b-w')
    if (channels === 4 && encoding.format === 'jpeg') image = image.removeAlpha()
    return new Uint8Array(await inFormat(image, encoding).toBuffer())
  } catch (error) {
    throw new MediaError('ERR_ENCODE', (error as Error).message, { cause: error })
  }
}

function inFormat(
  image: Sharp,
  { format, quality, isLossless, compressionLevel, hasWholeChroma }: Encoding,
): Sharp {
  switch (format) {
    case 'jpeg':
      return image.jpeg({ quality, chromaSubsampling: hasWholeChroma ? '4:4:4' : '4:2:0' })
    case 'png':
      return image.png({ compressionLevel })
    case 'webp':
      return isLossless ? image.webp({ lossless: true, exact: true }) : image.webp({ quality })
  }
}

/** The samples in sharp's order: pixel by pixel, red first. */
function interleaved({
  data,
  width,
  height,
  channels,
  isPlanar,
  isBgr,
}: Samples): Uint8Array | Uint16Array {
  if (channels === 1 || (!isPlanar && !isBgr)) return data
  const pixels = new Uint8Array(data.length)
  const area = width * height
  for (let c = 0; c < channels; c++) {
    const from = isBgr && c < 3 ? 2 - c : c
    for (let i = 0; i < area; i++)
      pixels[i * channels + c] = data[isPlanar ? from * area + i : i * channels + from]!
  }
  return pixels
}
