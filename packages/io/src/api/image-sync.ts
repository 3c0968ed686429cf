import type { NdArray } from '../base/array.ts'
import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import { draw } from '../image/augment.ts'
import {
  checkBatch,
  checkInto,
  gather,
  type ImageBatch,
  type LoadImageBatchOptions,
  throwUnlessEndured,
} from '../image/batch/batch.ts'
import {
  type EncodeImageJob,
  type EncodeImageOptions,
  encodeImageJob,
  type SaveImageOptions,
  saveImageJob,
} from '../image/encode-image-options.ts'
import { encodeImageInThread } from '../image/ffmpeg/image-encoder.ts'
import type { DTypeOf, Exactly, LoadImageOptions } from '../image/image-options.ts'
import { fill, loadImageInThread } from '../image/load-image-in-thread.ts'
import { bytesPer, imageArray } from '../image/pixel-format.ts'
import { imageLoading, type LoadNothing, refuseSharp } from './image-functions.ts'
import { jobInThread, runInThread } from './media-function.ts'

/**
 * Loads one image in this thread, and holds it meanwhile: for ops that run in worker threads. What
 * `loadImage` does otherwise; always with FFmpeg.
 *
 * @throws MediaError as `loadImage`; `ERR_BAD_OPTION` also for a source that must be waited for: a
 *   Blob, or a URL that is no `file:`
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImageSync } from '@spindle/io/sync'
 *
 * const image = loadImageSync('examples/photos/cat-1.png', { width: 224, height: 224, layout: 'CHW' })
 * assert.deepEqual(image.shape, [3, 224, 224])
 * ```
 */
export function loadImageSync<O extends LoadImageOptions = LoadNothing>(
  source: SyncSource,
  options?: Exactly<O, LoadImageOptions>,
): NdArray<DTypeOf<O>> {
  const loaded: unknown = runInThread(imageLoading, loadImageInThread, source, options ?? {})
  return loaded as NdArray<DTypeOf<O>>
}

/**
 * Loads images of any size into one batch, one after the other in this thread: for ops that run in
 * worker threads. The options are those of `loadImageBatch`; `concurrency` is without effect.
 *
 * @throws MediaError as `loadImageBatch`
 * @throws the signal's reason, when aborted: it is looked at between images
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImageBatchSync } from '@spindle/io/sync'
 *
 * const paths = ['cat-1.png', 'fig-1.jpg'].map((name) => `examples/photos/${name}`)
 * const batch = loadImageBatchSync(paths, { width: 224, height: 224, layout: 'CHW', normalize: {} })
 * assert.deepEqual([batch.dtype, ...batch.shape], ['float32', 2, 3, 224, 224])
 * ```
 */
export function loadImageBatchSync<O extends LoadImageBatchOptions>(
  sources: readonly SyncSource[],
  options: Exactly<O, LoadImageBatchOptions>,
): ImageBatch<DTypeOf<O>> {
  const given: LoadImageBatchOptions = options
  const batch = checkBatch(sources, given)
  for (const [index, source] of sources.entries()) checkSyncSource(source, `sources[${index}]`)
  refuseSharp(given.backend)
  const { augment, rng, signal, strict = true, into, shared = false } = given
  const { target, size } = batch
  const length = sources.length * size
  const memory = shared ? new SharedArrayBuffer(length * bytesPer(target.dtype)) : undefined
  const data =
    into === undefined ? imageArray(target.dtype, length, memory) : checkInto(into, batch)
  const augmentations = augment && sources.map(() => draw(augment, rng!))
  signal?.throwIfAborted()
  const errors = fill(
    { sources, target, augmentations, size, isStrict: strict },
    data,
    () => !signal?.aborted,
  )
  signal?.throwIfAborted()
  const failures = errors.map(({ index, error }) => {
    const source = sources[index]!
    return { index, source, error: nameSource(error, describeSource(source)) }
  })
  throwUnlessEndured(failures, strict)
  return gather(data, batch, failures) as unknown as ImageBatch<DTypeOf<O>>
}

/**
 * Encodes one image in this thread, and holds it meanwhile: for ops that run in worker threads.
 * What `encodeImage` does otherwise; always with FFmpeg.
 *
 * @throws MediaError as `encodeImage`
 */
export function encodeImageSync(array: NdArray, options: EncodeImageOptions): Uint8Array {
  return encodeInThread(encodeImageJob(array, options), options)!
}

/**
 * Encodes one image and writes it in this thread. What `saveImage` does otherwise; always with
 * FFmpeg. @throws MediaError as `saveImage`
 */
export function saveImageSync(
  path: string | URL,
  array: NdArray,
  options: SaveImageOptions = {},
): void {
  encodeInThread(saveImageJob(path, array, options), options)
}

function encodeInThread(
  job: EncodeImageJob,
  { backend, signal }: Omit<EncodeImageOptions, 'format'>,
): Uint8Array | undefined {
  refuseSharp(backend)
  return jobInThread(encodeImageInThread, job, signal)
}
