// One pipeline for each kind of bottleneck, and the same with its remedy.
import { type Pipeline, PipelineBuilder, ThreadPool, workerModule } from 'spindle'
import type * as Ops from './ops.ts'

/** Builds the pipeline over that many items and runs it to its end. */
export type Run = (items: number) => Promise<Pipeline<unknown>>

export interface Case {
  readonly before: Run
  readonly after: Run
}

const ops = workerModule<typeof Ops>(import.meta.resolve('./ops.ts'))
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

async function ran<T>(
  pipeline: Pipeline<T>,
  consume: (item: T) => unknown = () => {},
): Promise<Pipeline<unknown>> {
  await pipeline.forEach(consume)
  return pipeline as Pipeline<unknown>
}

/** Requests a page of ten names from a catalogue: 20 ms. */
async function* listPage(page: number) {
  await pause(20)
  yield* numbers(10).map((i) => page * 10 + i)
}

async function fetchItem(item: number): Promise<number> {
  await pause(10)
  return item
}

async function store(item: number): Promise<number> {
  await pause(2)
  return item
}

/** Costs 4 ms a call, whatever the size of the batch. */
async function classify(batch: readonly number[]): Promise<readonly number[]> {
  await pause(4 + 0.05 * batch.length)
  return batch
}

export const cases: Readonly<Record<string, Case>> = {
  source: {
    before: (items) => {
      async function* listAll() {
        for (let page = 0; page < items / 10; page++) yield* listPage(page)
      }
      return ran(
        new PipelineBuilder().addSource(listAll).pipe(fetchItem, { concurrency: 16 }).build(),
      )
    },
    after: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items / 10))
          .pipe(listPage, { concurrency: 4 })
          .pipe(fetchItem, { concurrency: 16 })
          .build(),
      ),
  },
  stage: {
    before: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items))
          .pipe(fetchItem, { concurrency: 2 })
          .pipe(store)
          .build(),
      ),
    after: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items))
          .pipe(fetchItem, { concurrency: 5 })
          .pipe(store)
          .build(),
      ),
  },
  consumer: {
    before: (items) =>
      ran(
        new PipelineBuilder().addSource(numbers(items)).pipe(store, { concurrency: 4 }).build(),
        () => pause(8),
      ),
    after: async (items) => {
      const pipeline = new PipelineBuilder()
        .addSource(numbers(items))
        .pipe(store, { concurrency: 4 })
        .build()
      await Promise.all(numbers(4).map(() => pipeline.forEach(() => pause(8))))
      return pipeline as Pipeline<unknown>
    },
  },
  loop: {
    before: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items))
          .pipe(fetchItem, { concurrency: 4 })
          .pipe(function resize(item) {
            const end = performance.now() + 5
            while (performance.now() < end);
            return item
          })
          .build(),
      ),
    after: (items) =>
      withThreads(
        2,
        items,
        (executor) => (source) =>
          source
            .pipe(fetchItem, { concurrency: 4 })
            .pipe(ops.resize, { name: 'resize', concurrency: 2, executor }),
      ),
  },
  executor: {
    before: (items) => withThreads(1, items, lookingUp),
    after: (items) => withThreads(4, items, lookingUp),
  },
  batches: {
    before: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items))
          .pipe(fetchItem, { concurrency: 16 })
          .pipe((item) => classify([item]), { name: 'classify' })
          .build(),
      ),
    after: (items) =>
      ran(
        new PipelineBuilder()
          .addSource(numbers(items))
          .pipe(fetchItem, { concurrency: 16 })
          .aggregate(16)
          .pipe(classify)
          .build(),
      ),
  },
}

const lookingUp = (executor: ThreadPool) => (source: PipelineBuilder<number>) =>
  source.pipe(ops.lookUp, { name: 'lookUp', concurrency: 4, executor })

/** Threads that are already running, because a start takes longer than these small runs. */
async function withThreads(
  size: number,
  items: number,
  build: (executor: ThreadPool) => (source: PipelineBuilder<number>) => PipelineBuilder<number>,
): Promise<Pipeline<unknown>> {
  await using pool = new ThreadPool({ size })
  const run = (count: number) =>
    ran(build(pool)(new PipelineBuilder().addSource(numbers(count))).build())
  await run(4 * size)
  return await run(items)
}
