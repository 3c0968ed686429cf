import type { NdArray } from '../array.ts'
import { MediaError, mediaError } from '../errors.ts'
import { checkSource, describeSource, type ImageSource, readSource } from '../source.ts'
import type { ClaimOutput, ImageBackend } from './backend.ts'
import { backends } from './backends.ts'
import { printHead, sniffFormat } from './format.ts'
import { type ImageTarget, imageTarget, type LoadImageOptions } from './options.ts'

/**
 * Loads one image as RGB: reads, decodes, turns it as its EXIF orientation says, scales and fits it.
 *
 * JPEG, PNG, WebP, GIF (the first picture), AVIF and TIFF; BMP with the ffmpeg backend. What a file is, its bytes say, not its name.
 * Transparency is dropped, as Pillow and torchvision do; embedded colour profiles are ignored; CMYK is converted by the plain
 * formula. Many calls may run at a time: the decoding is done on libuv's threads, and calls that find none free wait.
 *
 * @returns uint8, `[height, width, 3]` or, with `layout: 'CHW'`, `[3, height, width]`; red, green, blue, 0..255
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: it is empty, not an image, damaged or truncated
 * - `ERR_UNSUPPORTED`: a kind of image that the backend cannot decode, or one of more than 268402689 pixels
 * - `ERR_BACKEND_MISSING`: neither `node-av` nor `sharp` is installed, or not the one asked for
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImage } from '@spindle/io'
 *
 * const image = await loadImage('examples/photos/cat-1.png', { width: 224, height: 224, mode: 'crop' })
 * assert.deepEqual(image.shape, [224, 224, 3])
 * ```
 */
export async function loadImage(
  source: ImageSource,
  options: LoadImageOptions = {},
): Promise<NdArray<'uint8'>> {
  checkSource(source, 'source')
  const target = imageTarget(options)
  options.signal?.throwIfAborted()
  const backend = await backends.get(options.backend)
  let data = new Uint8Array(0)
  let shape: readonly number[] = []
  const claim: ClaimOutput = ({ width, height }) => {
    shape = target.layout === 'HWC' ? [height, width, 3] : [3, height, width]
    data = new Uint8Array(width * height * 3)
    return data
  }
  await decodeSource(source, backend, target, claim, options.signal)
  return { data, dtype: 'uint8', shape }
}

/** Reads and decodes one source into memory that it claims. Every fault comes out as a `MediaError` that names the source. */
export async function decodeSource(
  source: ImageSource,
  backend: ImageBackend,
  target: ImageTarget,
  claim: ClaimOutput,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = await readSource(source, signal)
  const name = describeSource(source)
  if (bytes.length === 0) throw mediaError('ERR_DECODE', name, 'is empty')
  const format = sniffFormat(bytes)
  if (format === undefined) {
    throw mediaError(
      'ERR_DECODE',
      name,
      `not a JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP image: it begins with ${printHead(bytes)}`,
    )
  }
  try {
    await backend.decode({ bytes, format }, target, claim, signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof MediaError) throw mediaError(error.code, name, error)
    throw mediaError('ERR_DECODE', name, error)
  }
}
