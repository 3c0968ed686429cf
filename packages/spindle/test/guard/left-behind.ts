import { setTimeout as delay } from 'node:timers/promises'
import { merge, PipelineBuilder } from '../../src/builder/builder.ts'
import type { Aggregator, BuildOptions, TaskHook } from '../../src/engine/types.ts'
import { HELD_US, usage } from './blocking-code.ts'

/*
 * Pipelines whose calls leave something behind that holds the loop later, where no function of the
 * stage is on the stack; and calls that hold it at once, in places that are no ops.
 */

/** Holds the loop. Apart from those who call it, so that the stack says nothing of them. */
export function hold(): void {
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage());
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Holds the loop without work, as native code does that waits for threads of its own. */
export function holdWaiting(): void {
  Atomics.wait(cell, 0, 0, HELD_US / 1000)
}

/** What a call may leave behind: something that calls a function later. */
export const ways: Readonly<Record<string, (call: () => void) => Promise<void>>> = {
  setImmediate: (call) => later((run) => void setImmediate(run), call),
  queueMicrotask: (call) => later((run) => queueMicrotask(run), call),
  'process.nextTick': (call) => later((run) => process.nextTick(run), call),
  setTimeout: (call) => later((run) => void setTimeout(run, 1), call),
  'setImmediate after an await': async (call) => {
    await delay(1)
    await later((run) => void setImmediate(run), call)
  },
}

function later(ask: (run: () => void) => void, call: () => void): Promise<void> {
  return new Promise((resolve) =>
    ask(() => {
      call()
      resolve()
    }),
  )
}

type Way = (call: () => void) => Promise<void>

const numbers = function* (): Generator<number> {
  for (let i = 0; ; i++) yield i
}
const pause = async (item: number): Promise<number> => {
  await delay(1)
  return item
}

/** A pipeline, and what is to be said of what holds its loop. */
export interface Held {
  readonly builder: PipelineBuilder<unknown>
  readonly options?: BuildOptions
  readonly stage: string | undefined
  readonly place: 'stage' | 'other'
  readonly part: string
}

const begin = (): PipelineBuilder<number> => new PipelineBuilder().addSource(numbers)
const among = (builder: PipelineBuilder<number>): PipelineBuilder<number> =>
  builder.pipe(pause, { name: 'after', concurrency: 3 })

/** Each place from which something may be left behind. */
export const places: Readonly<Record<string, (way: Way) => Held>> = {
  'an op': (way) => ({
    builder: among(
      begin()
        .pipe(pause, { name: 'before', concurrency: 3 })
        .pipe((item) => way(hold).then(() => item), { name: 'model', concurrency: 2 }),
    ),
    stage: 'model',
    place: 'stage',
    part: 'op',
  }),
  'an op with retries and a time limit': (way) => ({
    builder: among(
      begin().pipe((item) => way(hold).then(() => item), {
        name: 'tried',
        retry: 1,
        timeoutMs: 60_000,
      }),
    ),
    stage: 'tried',
    place: 'stage',
    part: 'op',
  }),
  'an async generator op': (way) => ({
    builder: among(
      begin().pipe(
        async function* (item: number) {
          await way(hold)
          yield item
        },
        { name: 'expand' },
      ),
    ),
    stage: 'expand',
    place: 'stage',
    part: 'op',
  }),
  'an async source': (way) => ({
    builder: among(
      new PipelineBuilder().addSource(async function* () {
        for (let i = 0; ; i++) {
          await way(hold)
          yield i
        }
      }),
    ),
    stage: 'source',
    place: 'stage',
    part: 'source',
  }),
  'an aggregator': (way) => ({
    builder: begin()
      .aggregate(() => new Late(way))
      .pipe(async (item) => item, { name: 'after' }),
    stage: 'aggregate(aggregator)',
    place: 'stage',
    part: 'aggregator',
  }),
  'a router': (way) => ({
    builder: begin().pathVariants((item) => way(hold).then(() => item % 2), [among, among]),
    stage: 'path_variants',
    place: 'stage',
    part: 'router',
  }),
  'a merge op': (way) => ({
    builder: among(
      merge(begin(), begin(), {
        op: async function* (inputs) {
          for await (const item of inputs[0] as AsyncIterable<number>) {
            await way(hold)
            yield item
          }
        },
      }) as PipelineBuilder<number>,
    ),
    stage: 'merge',
    place: 'stage',
    part: 'merge',
  }),
  'a task hook': (way) => ({
    builder: among(begin().pipe(pause, { name: 'hooked' })),
    options: {
      hooks: ({ name }): readonly TaskHook[] =>
        name === 'hooked' ? [{ onTaskStart: () => way(hold) }] : [],
    },
    stage: 'hooked',
    place: 'stage',
    part: 'hook',
  }),
  onItemError: (way) => ({
    builder: failing(),
    options: { onItemError: () => void way(hold) },
    stage: undefined,
    place: 'other',
    part: 'hook',
  }),
  deadLetter: (way) => ({
    builder: failing(),
    options: { deadLetter: () => way(hold) },
    stage: undefined,
    place: 'other',
    part: 'hook',
  }),
  onStats: (way) => ({
    builder: among(begin()),
    options: { onStats: () => void way(hold), reportIntervalMs: 60 },
    stage: undefined,
    place: 'other',
    part: 'hook',
  }),
}

/** A pipeline of which each item fails before one that does not. */
function failing(): PipelineBuilder<number> {
  const fail = (item: number): number => {
    if (item % 2 === 0) throw new Error('on purpose')
    return item
  }
  return among(begin().pipe(fail, { name: 'fails', maxFailures: Number.POSITIVE_INFINITY }))
}

class Late implements Aggregator<number, Promise<number[]>> {
  readonly #way: Way

  constructor(way: Way) {
    this.#way = way
  }

  accumulate(item: number): Promise<number[]> {
    return this.#way(hold).then(() => [item])
  }

  flush(): undefined {
    return undefined
  }
}
