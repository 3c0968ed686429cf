import { currentCall } from 'spindle/worker'
import type { NdArray } from '../base/array.ts'
import { writeBytes } from '../files/atomic-file.ts'
import { allPlaced } from '../files/placed.ts'
import type { ImageSource } from '../files/source.ts'
import { fetchingOf } from '../files/url-options.ts'
import { draw } from '../image/augment.ts'
import {
  checkBatch,
  checkInto,
  gather,
  type ImageBatch,
  type LoadImageBatchOptions,
  throwUnlessEndured,
} from '../image/batch/batch.ts'
import { fillInLanes } from '../image/batch/batch-lanes.ts'
import {
  type EncodeImageJob,
  type EncodeImageOptions,
  encodeImageJob,
  type SaveImageOptions,
  saveImageJob,
} from '../image/encode-image-options.ts'
import type { DTypeOf, Exactly, LoadImageOptions } from '../image/image-options.ts'
import type { ImageResult } from '../image/load-image-in-thread.ts'
import { loadWithSharp } from '../image/sharp/sharp.ts'
import { backends } from './backends.ts'
import { fillInParts } from './batch-parts.ts'
import { type ImageTask, imageLoading, type LoadNothing } from './image-functions.ts'
import { loadInPool, type PoolCall, runJob } from './in-pool.ts'
import { imageOps } from './ops.ts'

/**
 * Loads one image: reads and decodes it, applies its EXIF orientation, and scales it to the
 * requested size.
 *
 * Formats: JPEG, PNG, WebP, GIF, AVIF and TIFF; HEIC and BMP with the ffmpeg backend. The bytes
 * decide the format, not the name. Transparency is dropped unless `pixelFormat` is `'rgba'`, as in
 * Pillow and torchvision. Embedded colour profiles are ignored, and CMYK is converted by the plain
 * formula. Calls may overlap: with the ffmpeg backend the package's worker threads do all the work.
 * Ops that already run in a worker thread call `loadImageSync` instead.
 *
 * @returns by default uint8 `[height, width, 3]`; red, green, blue, 0..255. {@link PixelFormat}
 *   lists other shapes and dtypes. With `frames: 'all'`, the number of pictures is the first axis
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: the source is empty, not an image, damaged or truncated
 * - `ERR_UNSUPPORTED`: the backend cannot do this kind of image or an option; the message names the
 *   way out
 * - `ERR_TOO_LARGE`: `maxPixels`, `maxFrames`, `maxResultBytes` or, for a URL, `maxBytes` is
 *   exceeded
 * - `ERR_BACKEND_MISSING`: neither `node-av` nor `sharp` is installed, or not the requested one
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImage } from '@spindle/io'
 *
 * const image = await loadImage('examples/photos/cat-1.png', { width: 224, height: 224, mode: 'crop' })
 * assert.deepEqual(image.shape, [224, 224, 3])
 * ```
 */
export function loadImage<O extends LoadImageOptions = LoadNothing>(
  source: ImageSource,
  options?: Exactly<O, LoadImageOptions>,
): Promise<NdArray<DTypeOf<O>>> {
  const loaded: unknown = loadInPool(imageLoading, imageOps.load, source, options ?? {}, withSharp)
  return loaded as Promise<NdArray<DTypeOf<O>>>
}

async function withSharp({
  source,
  job,
  options,
  caller,
}: PoolCall<ImageTask, LoadImageOptions>): Promise<ImageResult | undefined> {
  const backend = await backends.get(options.backend)
  if (backend.name === 'ffmpeg') return undefined
  return loadWithSharp(backend, source, job.target, job.augmentation, fetchingOf(options), caller)
}

/**
 * Loads images of any size into one batch, each straight into its place: by default uint8 `[images,
 * height, width, 3]`.
 *
 * With the ffmpeg backend, worker threads read the files, decode them, and transfer the memory of
 * the whole batch. If fewer batches than threads are in progress, several threads share a batch.
 * Otherwise one thread makes each batch, which costs least.
 *
 * With `strict: false`, the good images are moved together after failures, and `data` and `shape`
 * cover only them: a view of the first images, empty if all failed.
 *
 * @throws MediaError if `strict`: the error of the first failed source, with the codes of
 *   `loadImage`; the memory of the batch is not written to afterwards. `ERR_BAD_OPTION` for an
 *   empty list, an option that breaks its rule, or an `into` that does not fit
 * @throws the signal's reason if it is aborted @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImageBatch } from '@spindle/io'
 *
 * const paths = ['cat-1.png', 'damaged/empty.jpg', 'fig-1.jpg'].map((name) => `examples/photos/${name}`)
 * const batch = await loadImageBatch(paths, { width: 224, height: 224, layout: 'CHW', strict: false })
 * assert.deepEqual(batch.shape, [2, 3, 224, 224])
 * assert.deepEqual(batch.indices, [0, 2])
 * assert.equal(batch.failures[0]?.error.message, 'examples/photos/damaged/empty.jpg: is empty')
 * ```
 */
export async function loadImageBatch<O extends LoadImageBatchOptions>(
  sources: readonly ImageSource[],
  options: Exactly<O, LoadImageBatchOptions>,
): Promise<ImageBatch<DTypeOf<O>>> {
  const caller = currentCall()
  const given: LoadImageBatchOptions = options
  const shape = checkBatch(sources, given)
  const at = allPlaced(sources, given)
  const into = given.into === undefined ? undefined : checkInto(given.into, shape)
  const { signal, augment, rng, strict = true, shared = false, concurrency = 8 } = given
  const augmentations = augment && sources.map(() => draw(augment, rng!))
  signal?.throwIfAborted()
  const backend = await backends.get(given.backend)
  const policy = {
    isStrict: strict,
    isShared: shared,
    concurrency,
    fetching: fetchingOf(at.options),
  }
  const work = { sources: at.sources, shape, into, augmentations, caller, ...policy }
  const filled = backend.name === 'ffmpeg' ? fillInParts(work) : fillInLanes(work, backend)
  const { data, failures } = await filled
  signal?.throwIfAborted()
  throwUnlessEndured(failures, strict)
  return gather(data, shape, failures) as unknown as ImageBatch<DTypeOf<O>>
}

/**
 * Encodes an image as JPEG, PNG or WebP in the package's worker threads.
 *
 * `array` is uint8 with 1, 3 or 4 channels, `[H, W]`, `[H, W, C]`, or with `layout: 'CHW'` `[C, H,
 * W]`; or, for PNG, uint16 with 1 channel. JPEG has no alpha: a fourth channel is dropped.
 *
 * @returns the file's bytes
 * @throws MediaError `ERR_BAD_OPTION` if the array or an option breaks its rule,
 *   `ERR_BACKEND_MISSING` without a library, `ERR_ENCODE` if the library cannot encode the image
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeImage, loadImage } from '@spindle/io'
 *
 * const cat = await loadImage('examples/photos/cat-1.png', { width: 64, height: 48 })
 * const png = await encodeImage(cat, { format: 'png' })
 * assert.deepEqual(await loadImage(png), cat)
 * ```
 */
export async function encodeImage(
  array: NdArray,
  options: EncodeImageOptions,
): Promise<Uint8Array> {
  return (await encodeInPool(encodeImageJob(array, options), options))!
}

/**
 * Encodes an image and writes it to a file. The extension decides the format, unless `format` is
 * set. The file appears whole or not at all, and replaces an existing file.
 *
 * @throws MediaError as `encodeImage`; `ERR_WRITE` if the file cannot be written
 * @throws the signal's reason if it is aborted
 */
export async function saveImage(
  path: string | URL,
  array: NdArray,
  options: SaveImageOptions = {},
): Promise<void> {
  await encodeInPool(saveImageJob(path, array, options), options)
}

async function encodeInPool(
  job: EncodeImageJob,
  options: SaveImageOptions,
): Promise<Uint8Array | undefined> {
  const caller = currentCall()
  const { signal } = options
  signal?.throwIfAborted()
  const backend = await backends.get(options.backend)
  if (backend.name === 'ffmpeg') return runJob(imageOps.encode, job, signal, caller)
  const bytes = await backend.encode(job.samples, job.encoding, caller)
  signal?.throwIfAborted()
  if (job.path === undefined) return bytes
  await writeBytes(job.path, bytes)
  return undefined
}
