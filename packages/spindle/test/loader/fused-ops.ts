// What the tests of whole batches in one thread run.
import type { StageContext } from 'spindle'

/** What happens to some items. Lists of items. */
export interface Fates {
  readonly drops: readonly number[]
  readonly throws: readonly number[]
  /** Items at which `collate` throws. */
  readonly spoils?: readonly number[]
  /** Counts the calls that run, and the most at once. */
  readonly counts?: Int32Array
}

interface Sample {
  readonly n: number
}

export interface Batch {
  readonly members: readonly number[]
  /** Whether this thread made all the samples itself. */
  readonly isLocal: boolean
}

const made = new WeakSet<Sample>()

function fate(n: number, { drops, throws, counts }: Fates): Sample | undefined {
  if (counts !== undefined) {
    const running = Atomics.add(counts, 0, 1) + 1
    if (running > Atomics.load(counts, 1)) Atomics.store(counts, 1, running)
    Atomics.add(counts, 2, 1)
    for (let i = 0; i < 1e4; i++) Atomics.load(counts, 3)
    Atomics.sub(counts, 0, 1)
  }
  if (throws.includes(n)) throw new RangeError(`item ${n}`)
  if (drops.includes(n)) return undefined
  const sample = { n }
  made.add(sample)
  return sample
}

export function sample(n: number, fates: Fates): Sample | undefined {
  return fate(n, fates)
}

export async function lateSample(n: number, fates: Fates): Promise<Sample | undefined> {
  await undefined
  return fate(n, fates)
}

export function* twoSamples(n: number, fates: Fates): Generator<Sample> {
  for (const one of [fate(n, fates), fate(n + 1000, fates)]) if (one !== undefined) yield one
}

export function gather(samples: Sample[], { spoils = [] }: Fates): Batch {
  const members = samples.map(({ n }) => n)
  if (members.some((n) => spoils.includes(n))) throw new RangeError('spoilt')
  return { members, isLocal: samples.every((one) => made.has(one)) }
}

export async function lateGather(samples: Sample[], fates: Fates): Promise<Batch> {
  await undefined
  return gather(samples, fates)
}

export function drawn(n: number, context: StageContext): readonly number[] {
  return [n, context.index, context.rng.uint32()]
}

export function drawnTogether(samples: unknown[], context: StageContext) {
  const bytes = context.alloc(8)
  bytes.fill(context.index)
  return { samples, index: context.index, drawn: context.rng.uint32(), bytes }
}

/** Kills its thread at one item, once for each thread. */
export function killer(n: number, victim: number): Sample {
  if (n === victim) process.exit(3)
  return { n }
}

export function count(samples: Sample[]): readonly number[] {
  return samples.map(({ n }) => n)
}
