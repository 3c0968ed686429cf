// The pipelines of remote.mjs, for a worker, a process, and its own loop.
import { setTimeout as sleep } from 'node:timers/promises'
import { PipelineBuilder } from 'spindle'

function* numbers(count) {
  for (let n = 0; n < count; n++) yield n
}

const same = async (n) => n

/** Three stages of async ops that do nothing; small objects or numbers come out. */
export const small = ({ count, isObject = true }) =>
  new PipelineBuilder()
    .addSource(() => numbers(count))
    .pipe(same, { concurrency: 16 })
    .pipe(same, { concurrency: 16 })
    .pipe(
      isObject ? async (n) => ({ id: n, path: 'train/n01440764/a.jpg', label: n % 1000 }) : same,
      {
        concurrency: 16,
      },
    )

/** Waits for input: 1 ms an item, 32 at a time. */
export const waiting = ({ buffer }) =>
  new PipelineBuilder()
    .addSource(() => numbers(Number.POSITIVE_INFINITY))
    .pipe((n) => sleep(1, n), { concurrency: 32 })
    .addSink(buffer)

/** Steps of training: 32 pictures each, fetched in 5 ms and decoded by 0.5 ms of JavaScript. */
export const steps = () =>
  new PipelineBuilder()
    .addSource(() => numbers(Number.POSITIVE_INFINITY))
    .pipe((n) => sleep(5, n), { concurrency: 32 })
    .pipe((n) => {
      const until = performance.now() + 0.5
      while (performance.now() < until);
      return new Uint8Array(224 * 224 * 3).fill(n)
    })
    .aggregate(32)
    .pipe((pictures) => {
      const batch = new Uint8Array(32 * 224 * 224 * 3)
      pictures.forEach((picture, i) => batch.set(picture, i * picture.length))
      return batch
    })
    .addSink(3)

/** Existing buffers: only their transfer is measured. */
export const buffers = ({ count, bytes }) => {
  const made = Array.from({ length: bytes > 1e6 ? 4 : 64 }, () => new Uint8Array(bytes).fill(7))
  return new PipelineBuilder()
    .addSource(() => numbers(count))
    .pipe(async (n) => made[n % made.length])
}
