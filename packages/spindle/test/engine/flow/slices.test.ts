import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Pipeline, PipelineBuilder } from 'spindle'
import { range } from '../../support/sources.ts'

/** Holds the loop for about a fifth of a millisecond. */
function work<T>(item: T): T {
  const until = performance.now() + 0.2
  while (performance.now() < until);
  return item
}

const chain = () =>
  new PipelineBuilder()
    .addSource(range(2000))
    .pipe(work)
    .pipe((value) => value)
const chains: Record<string, () => Pipeline<number>> = {
  'of sync ops': () => chain().build(),
  'of sync ops in input order': () =>
    new PipelineBuilder()
      .addSource(range(2000))
      .pipe(work, { concurrency: 4, outputOrder: 'input' })
      .build(),
  'with a source that works': () =>
    new PipelineBuilder()
      .addSource(function* () {
        for (const value of range(2000)) yield work(value)
      })
      .build(),
  'with a generator op': () =>
    new PipelineBuilder()
      .addSource([2000])
      .pipe(function* (count) {
        for (const value of range(count)) yield work(value)
      })
      .build(),
  'of ops that resolve at once': () =>
    chain()
      .pipe(async (value) => value)
      .build(),
  'that drops everything but the last': () =>
    chain()
      .pipe((value) => (value === 1999 ? value : undefined))
      .build(),
  'with batches': () => chain().aggregate(100).disaggregate().build(),
  'that fails everything but the last': () =>
    chain()
      .pipe((value) => {
        if (value !== 1999) throw new Error('no')
        return value
      })
      .build({ maxFailures: Number.POSITIVE_INFINITY }),
}
const consumers: Record<string, (pipeline: Pipeline<number>) => Promise<void>> = {
  forEach: (pipeline) => pipeline.forEach(() => {}),
  'for await': async (pipeline) => {
    for await (const _ of pipeline);
  },
  chunks: async (pipeline) => {
    for await (const _ of pipeline.chunks());
  },
}

/** Counts how often a timer of one millisecond fires, and how long it was kept waiting at most. */
async function observe(
  run: () => Promise<void>,
): Promise<{ ticks: number; longestMs: number; tookMs: number }> {
  let ticks = 0
  let longestMs = 0
  const begun = performance.now()
  let last = begun
  const timer = setInterval(() => {
    ticks++
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
  }, 1)
  await run()
  clearInterval(timer)
  const ended = performance.now()
  return { ticks, longestMs: Math.max(longestMs, ended - last), tookMs: ended - begun }
}

describe('timers fire while a pipeline works', () => {
  for (const [what, build] of Object.entries(chains)) {
    it(`in a chain ${what}`, async () => {
      const { ticks, tookMs } = await observe(() => build().forEach(() => {}))
      assert.ok(tookMs >= 350, `${tookMs} ms`)
      // A turn at least each 10 ms would be forty in the 400 ms of work; a loaded machine may do
      // with fewer.
      assert.ok(ticks >= 15, `${ticks} ticks in ${tookMs} ms`)
    })
  }

  for (const [way, consume] of Object.entries(consumers)) {
    it(`whichever way it is consumed: ${way}`, async () => {
      const { ticks, tookMs } = await observe(() => consume(chain().build()))
      assert.ok(ticks >= 15, `${ticks} ticks in ${tookMs} ms`)
    })
  }

  it('while many pipelines work at once', async () => {
    const { ticks, longestMs } = await observe(async () => {
      await Promise.all(
        range(5).map(() =>
          new PipelineBuilder()
            .addSource(range(400))
            .pipe(work)
            .build()
            .forEach(() => {}),
        ),
      )
    })
    assert.ok(ticks >= 6, `${ticks} ticks, the longest wait ${longestMs} ms`)
  })
})
