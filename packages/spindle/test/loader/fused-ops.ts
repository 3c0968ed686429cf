// What the tests of whole batches in one thread run.
import type { StageContext } from 'spindle'
import { move } from 'spindle/worker'
import type { SampleMemory } from '../../src/workers/calls/sample-memory.ts'

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

interface Bytes {
  readonly data: Uint8Array
}

/** Arrays that this thread keeps, with what is in them. */
const kept: [number, Uint8Array][] = []

/** Whether no kept array has other bytes than it had. Arrays that were given up may be empty. */
function areIntact(mayBeEmpty: boolean): boolean {
  return kept.every(
    ([n, data]) =>
      (data.length === 64 && data.every((byte) => byte === n)) || (mayBeEmpty && data.length === 0),
  )
}

function memory(): SampleMemory | undefined {
  return (globalThis as { [key: symbol]: unknown })[Symbol.for('spindle.samples')] as SampleMemory
}

/** Memory as functions of `@spindle/io` take it. */
function bytesOf(n: number): Bytes {
  const data = memory()?.takeRoom(64) ?? new Uint8Array(64)
  return { data: data.fill(n) }
}

export function keptBytes(n: number): Bytes {
  const sample = bytesOf(n)
  kept.push([n, sample.data])
  return sample
}

export function movedBytes(n: number): Bytes {
  return move(bytesOf(n))
}

export function allocatedBytes(n: number, context: StageContext): Bytes {
  return { data: context.alloc(64).fill(n) }
}

export interface Together {
  readonly data: Uint8Array
  readonly isJoined: boolean
  readonly isIntact: boolean
}

/** Puts samples together, as `stack()` does. */
function together(samples: readonly Bytes[], mayBeEmpty: boolean): Together {
  const joined = memory()?.takeJoined(samples.map(({ data }) => data))
  const data = joined === undefined ? new Uint8Array(64 * samples.length) : new Uint8Array(joined)
  if (joined === undefined)
    for (const [i, sample] of samples.entries()) data.set(sample.data, 64 * i)
  return { data, isJoined: joined !== undefined, isIntact: areIntact(mayBeEmpty) }
}

export function join(samples: Bytes[]): Together {
  return move(together(samples, false))
}

/** Keeps samples that were given up, which belong to the loader. */
export function joinAndKeep(samples: Bytes[]): Together {
  const batch = together(samples, true)
  for (const { data } of samples) kept.push([data[0] ?? 0, data])
  return move(batch)
}

/** Batches that consist of the samples' own memory. */
export function list(samples: Bytes[]): Bytes[] {
  return [...samples]
}
