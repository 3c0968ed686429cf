// What the tests of loaders run in threads and workers.
import { threadId } from 'node:worker_threads'
import type { SourceContext, StageContext } from 'spindle'
import { bucketByLength, collate as collateRecords, DataLoader } from 'spindle/loader'

export function square(n: number): number {
  return n * n
}

export function whereAmI(_n: number): number {
  return threadId
}

export function random(_n: number, context: StageContext): number {
  return context.rng.uint32()
}

export function collate(numbers: number[]) {
  return collateRecords(numbers)
}

export function sum(numbers: number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}

export function failAtThree(n: number): number {
  if (n === 3) throw new RangeError('three')
  return n
}

/** A source: the epoch's number, and three times ten above it. */
export function* epochTens({ epoch }: SourceContext): Generator<number> {
  for (let i = 0; i < 3; i++) yield epoch + i * 10
}

export const buckets: () => ReturnType<ReturnType<typeof bucketByLength<string>>> =
  bucketByLength<string>({
    length: (text) => text.length,
    boundaries: [1],
    batchSize: 2,
  })

/** A loader whose functions are no exports: it crosses as a whole. */
export function closureLoader({ factor }: { factor: number }): DataLoader<number[]> {
  return new DataLoader([1, 2, 3], {
    preprocess: (n) => n * factor,
    batchSize: 2,
    outputOrder: 'input',
  })
}
