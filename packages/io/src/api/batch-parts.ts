import { errorOf, MediaError } from '../base/errors.ts'
import { describeSource, localSource, type SyncSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import type { BatchWork, FilledBatch, ImageFailure } from '../image/batch/batch.ts'
import { keepScratch, memoryFor } from '../image/batch/batch-memory.ts'
import { COUNTS, joinParts, type PartJob, RUNNING, WANTED } from '../image/batch/batch-part.ts'
import { imageArray } from '../image/pixel-format.ts'
import { imageOps } from './ops.ts'
import { POOL_SIZE, runInPool } from './pool.ts'

let batchesUnderWay = 0

/**
 * Loads a batch in the pool's threads: as one part, or in several parallel parts while threads are
 * free.
 */
export async function fillInParts(work: BatchWork): Promise<FilledBatch> {
  batchesUnderWay += 1
  try {
    const { readable, failures } = await readAhead(work)
    work.fetching.signal?.throwIfAborted()
    if (work.isStrict && failures.length > 0)
      return { data: imageArray(work.shape.target.dtype, 0), failures }
    const filled = await decode(work, readable)
    return {
      ...filled,
      failures: [...failures, ...filled.failures].sort((a, b) => a.index - b.index),
    }
  } finally {
    batchesUnderWay -= 1
  }
}

/** A source that the threads can read, and its position in the batch. */
interface Readable {
  readonly index: number
  readonly source: SyncSource
}

/** Fetches the sources that the threads cannot read: URLs and Blobs. */
async function readAhead(
  work: BatchWork,
): Promise<{ readable: Readable[]; failures: ImageFailure[] }> {
  const { sources, fetching, concurrency, isStrict } = work
  const readable: (Readable | undefined)[] = sources.map((whole, index) => {
    const source = localSource(whole)
    return source === undefined ? undefined : { index, source }
  })
  const remote = readable.flatMap((found, index) => (found === undefined ? [index] : []))
  const failures: ImageFailure[] = []
  const lane = async (): Promise<void> => {
    for (let index = remote.shift(); index !== undefined; index = remote.shift()) {
      if (fetching.signal?.aborted || (isStrict && failures.length > 0)) return
      const source = sources[index]!
      try {
        readable[index] = { index, source: await readSource(source, fetching) }
      } catch (error) {
        if (!(error instanceof MediaError)) throw error
        failures.push({ index, source, error })
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, remote.length) }, lane))
  return { readable: readable.filter((one) => one !== undefined), failures }
}

async function decode(work: BatchWork, readable: readonly Readable[]): Promise<FilledBatch> {
  const { into, shape, fetching, isStrict } = work
  const { signal } = fetching
  const { target, size } = shape
  if (readable.length === 0) return { data: into ?? imageArray(target.dtype, 0), failures: [] }
  const count = partCount(work, readable.length)
  const starts = Array.from({ length: count }, (_, part) =>
    Math.floor((part * readable.length) / count),
  )
  const memory = memoryFor(work, count)
  const control = new Int32Array(
    new SharedArrayBuffer((COUNTS + count) * Int32Array.BYTES_PER_ELEMENT),
  )
  control[WANTED] = count
  control[RUNNING] = count
  const jobOf = (start: number, part: number): PartJob => {
    const mine = readable.slice(start, starts[part + 1])
    return {
      ...{ target, size, isStrict, part, starts, control },
      sources: mine.map(({ source }) => source),
      augmentations: work.augmentations && mine.map(({ index }) => work.augmentations![index]!),
      shared: memory?.shared,
      isCopied: memory?.isScratch === true && into === undefined,
    }
  }
  const giveUp = (): unknown => Atomics.store(control, WANTED, 0)
  signal?.addEventListener('abort', giveUp)
  enter(control)
  // Waits for all of them: after a failure, the caller may reuse the memory.
  const outcomes = await Promise.allSettled(
    starts.map((start, part) =>
      runInPool(imageOps.fillPart, jobOf(start, part), undefined, work.caller),
    ),
  )
  signal?.removeEventListener('abort', giveUp)
  leave(control)
  const parts = outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
  const failures = parts.flatMap(({ faults }, part) =>
    faults.map((fault) => {
      const { index } = readable[starts[part]! + fault.index]!
      const source = work.sources[index]!
      return { index, source, error: errorOf(fault, describeSource(source)) }
    }),
  )
  let data = parts.find((part) => part.data !== undefined)?.data
  if (memory !== undefined && data === undefined) {
    data = into ?? (memory.isScratch ? imageArray(target.dtype, 0) : memory.view)
    const isWanted = control[WANTED] === count
    if (isWanted && (memory.isScratch || failures.length > 0)) {
      joinParts(memory.view, memory.shared.at, size, starts, [...control.subarray(COUNTS)], data)
    }
  }
  if (memory !== undefined) keepScratch(memory)
  return { data: data!, failures }
}

/** A part needs a few images to be worth its message. */
const LEAST_IMAGES = 4

function partCount({ concurrency }: BatchWork, images: number): number {
  const free = Math.floor(POOL_SIZE / batchesUnderWay)
  return Math.max(1, Math.min(free, concurrency, Math.floor(images / LEAST_IMAGES)))
}

const underWay = new Set<Int32Array>()

/** At its end, the process waits for the threads' work, so batches must not run to their ends. */
function enter(control: Int32Array): void {
  if (underWay.size === 0) process.prependListener('exit', giveAllUp)
  underWay.add(control)
}

function leave(control: Int32Array): void {
  underWay.delete(control)
  if (underWay.size === 0) process.off('exit', giveAllUp)
}

function giveAllUp(): void {
  for (const control of underWay) Atomics.store(control, WANTED, 0)
}
