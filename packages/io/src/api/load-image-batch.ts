import { currentCall } from 'spindle'
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
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { backends } from './backends.ts'
import { fillInParts } from './batch-parts.ts'

/**
 * Loads images of any size into one batch, each decoded straight into its place.
 *
 * With the ffmpeg backend all of it happens in worker threads: they read the files, decode, and
 * give the memory of the whole batch over. While fewer batches than threads are under way, the
 * threads share a batch between them; otherwise each makes one by itself, which is the cheapest.
 *
 * With `strict: false` the good images are moved together when others failed, and `data` and
 * `shape` cover only them: a view of the first rows, empty where every image failed.
 *
 * @throws MediaError of the failed source that comes first, when `strict`; none of the batch's
 *   memory is written to afterwards.
 * `ERR_BAD_OPTION` for an empty list, an option that breaks its rule, or an `into` that does not
 * fit. Codes as for `loadImage`.
 * @throws the signal's reason, when aborted
 * @example
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
  const into = given.into === undefined ? undefined : checkInto(given.into, shape)
  const { signal, augment, rng, strict = true, shared = false, concurrency = 8 } = given
  const augmentations = augment && sources.map(() => draw(augment, rng!))
  signal?.throwIfAborted()
  const backend = await backends.get(given.backend)
  const policy = { isStrict: strict, isShared: shared, concurrency, fetching: fetchingOf(given) }
  const work = { sources, shape, into, augmentations, caller, ...policy }
  const filled = backend.name === 'ffmpeg' ? fillInParts(work) : fillInLanes(work, backend)
  const { data, failures } = await filled
  signal?.throwIfAborted()
  throwUnlessEndured(failures, strict)
  return gather(data, shape, failures) as unknown as ImageBatch<DTypeOf<O>>
}
