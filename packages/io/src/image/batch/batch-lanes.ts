import type { DataOf } from '../../base/array.ts'
import { MediaError } from '../../base/errors.ts'
import { bytesPer, type ImageDType, imageArray, product } from '../pixel-format.ts'
import type { SharpBackend } from '../sharp/sharp.ts'
import type { BatchWork, FilledBatch, ImageFailure } from './batch.ts'

/** Loads a batch by a library that has threads of its own, several images at a time. */
export async function fillInLanes(work: BatchWork, backend: SharpBackend): Promise<FilledBatch> {
  const { sources, shape, into, augmentations, isStrict, isShared, concurrency, fetching, caller } =
    work
  const { signal } = fetching
  const { target, size } = shape
  const length = product(shape.shape)
  const memory = isShared ? new SharedArrayBuffer(length * bytesPer(target.dtype)) : undefined
  const data = into ?? imageArray(target.dtype, length, memory)
  const slot = (index: number): DataOf[ImageDType] =>
    data.subarray(index * size, (index + 1) * size) as DataOf[ImageDType]
  const failures: ImageFailure[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < sources.length && !(isStrict && failures.length > 0) && !signal?.aborted) {
      const index = next++
      const source = sources[index]!
      try {
        await backend.load(
          source,
          target,
          augmentations?.[index],
          () => slot(index),
          fetching,
          caller,
        )
      } catch (error) {
        if (!(error instanceof MediaError)) throw error
        failures.push({ index, source, error })
      }
    }
  }
  const lanes = await Promise.allSettled(
    Array.from({ length: Math.min(concurrency, sources.length) }, lane),
  )
  signal?.throwIfAborted()
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason
  failures.sort((a, b) => a.index - b.index)
  const failed = new Set(failures.map(({ index }) => index))
  let done = 0
  for (let index = 0; index < sources.length; index++) {
    if (failed.has(index)) continue
    if (done < index) data.copyWithin(done * size, index * size, (index + 1) * size)
    done += 1
  }
  return { data, failures }
}
