import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder, TimeoutError } from 'spindle'
import { collect, collectFailure, take } from '../../support/consume.ts'
import { settled, turns } from '../../support/gates.ts'
import {
  type ChainSpec,
  chainSpec,
  expect,
  fateOf,
  healthyChain,
  names,
  Run,
  stageSpec,
} from '../../support/graph.ts'
import { tries } from '../../support/tries.ts'

const few = { numRuns: tries(30), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true }
const sorted = (items: readonly string[]) => items.toSorted()

/** The items are what the chain must give; in order where order is promised. */
function assertComplete(spec: ChainSpec, items: readonly string[]): void {
  const { inputs, isOrdered } = expect(spec)
  if (isOrdered) assert.deepEqual(items, inputs.at(-1))
  else assert.deepEqual(sorted(items), sorted(inputs.at(-1) ?? []))
}

describe('whatever the stages, and in whatever order their calls end', () => {
  it('the items that come out are those that should, each once; in order where order is promised', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec)
        const items = await run.scheduler.drive(() => collect(run.pipeline))
        assertComplete(spec, items)
      }),
      { ...few, numRuns: tries(60) },
    )
  })

  it('never more calls are in flight than the concurrency', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec)
        await run.scheduler.drive(() => collect(run.pipeline))
        spec.stages.forEach((stage, position) => {
          const most = run.records[position]?.mostInFlight ?? 0
          assert.ok(most <= stage.concurrency, `${most} in flight of ${stage.concurrency}`)
          assert.equal(run.records[position]?.inFlight, 0)
        })
      }),
      few,
    )
  })

  it('as many are in flight as the concurrency allows, when there are items enough', async () => {
    await fc.assert(
      fc.asyncProperty(
        stageSpec,
        fc.integer({ min: 0, max: 12 }),
        async ({ concurrency, outputOrder, buffer }, items) => {
          const releases: (() => void)[] = []
          const pipeline = new PipelineBuilder()
            .addSource(names(items))
            .pipe((item) => new Promise<string>((resolve) => releases.push(() => resolve(item))), {
              concurrency,
              outputOrder,
              buffer,
            })
            .build()
          const all = collect(pipeline)
          for (let ended = 0; ended < items; ended++) {
            await settled(() => releases.length, 10)
            assert.equal(releases.length, Math.min(concurrency, items - ended))
            releases.splice((ended * 7) % releases.length, 1)[0]?.()
            if (outputOrder === 'input') {
              // Behind a call that goes on, results wait for their turn; then fewer calls may be in
              // flight.
              for (const release of releases.splice(0)) {
                release()
                ended++
              }
            }
          }
          assert.deepEqual(sorted(await all), sorted(names(items)))
        },
      ),
      few,
    )
  })

  it('a stage holds at most concurrency + buffer results', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        // An item that waits in a hook or in a batch has been taken, though its call has not begun:
        // not to be seen here.
        fc.pre(spec.hooks === 'none')
        const run = new Run(spec)
        await run.scheduler.drive(() => collect(run.pipeline))
        spec.stages.slice(0, -1).forEach((stage, position) => {
          if ((spec.stages[position + 1]?.batchesOf ?? 0) > 0) return
          const most = run.records[position]?.mostHeld ?? 0
          assert.ok(
            most <= stage.concurrency + stage.buffer,
            `stage ${position} held ${most} of ${stage.concurrency} + ${stage.buffer}`,
          )
        })
      }),
      few,
    )
  })

  it('each failure is counted once, and told once to each who asked', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec)
        await run.scheduler.drive(() => collect(run.pipeline))
        await run.pipeline.done
        const { inputs, failures } = expect(spec)
        const expected = spec.stages.flatMap((stage, position) =>
          (inputs[position] ?? [])
            .filter((item) => fateOf(item, stage, position).isFailing)
            .map((item) => `stage ${position}: ${item}`),
        )
        for (const told of [run.failed, run.buried]) {
          assert.deepEqual(
            sorted(told.map(({ stage, item }) => `${stage}: ${item}`)),
            sorted(expected),
          )
        }
        assert.deepEqual(
          run.stats().map((stage) => stage.failures),
          failures,
        )
      }),
      few,
    )
  })

  it('the statistics add up: tasks are the items that came in, emitted those that went out', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec)
        const items = await run.scheduler.drive(() => collect(run.pipeline))
        const { inputs, retries } = expect(spec)
        const { stages } = run.pipeline.stats()
        assert.equal(stages[0]?.emitted, spec.items)
        assert.equal(stages.at(-1)?.emitted, items.length)
        assert.equal(run.stats().length, spec.stages.length)
        spec.stages.forEach((_, position) => {
          const stats = run.stats()[position]
          assert.equal(stats?.tasks, inputs[position]?.length)
          assert.equal(stats?.emitted, inputs[position + 1]?.length)
          assert.equal(stats?.retries, retries[position])
          assert.equal(stats?.running, 0)
          assert.equal(stats?.queue?.size, 0)
          assert.equal(stats?.queue?.items, stats?.emitted)
        })
        assert.equal(items.length, inputs.at(-1)?.length)
      }),
      few,
    )
  })

  it('after break nothing is pulled, and whoever goes on gets all the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        chainSpec,
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
        async (spec, parts) => {
          const run = new Run(spec)
          const items: string[] = []
          await run.scheduler.drive(async () => {
            for (const part of parts) {
              items.push(...(await take(run.pipeline, part)))
              const { pulls } = run
              await turns(8)
              assert.equal(run.pulls, pulls)
            }
            items.push(...(await collect(run.pipeline)))
          })
          assertComplete(spec, items)
        },
      ),
      few,
    )
  })

  it('time-outs lose nothing', async () => {
    let timeouts = 0
    await fc.assert(
      fc.asyncProperty(healthyChain, async (spec) => {
        const run = new Run(spec)
        const items: string[] = []
        await run.scheduler.drive(async () => {
          for (;;) {
            try {
              const result = await run.pipeline.getItem({ timeoutMs: 1 })
              if (result.done) break
              items.push(result.value)
            } catch (error) {
              assert.ok(error instanceof TimeoutError)
              timeouts++
            }
          }
        }, true)
        assertComplete(spec, items)
      }),
      { ...few, numRuns: 25 },
    )
    assert.ok(timeouts > 0, 'some time-outs did happen')
  })

  it('several consumers share the items, each going to exactly one', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, fc.integer({ min: 2, max: 4 }), async (spec, consumers) => {
        const run = new Run(spec)
        const share = () =>
          Promise.all(
            Array.from({ length: consumers }, async (_, consumer) => {
              const own: string[] = []
              if (consumer % 3 === 0) for await (const item of run.pipeline) own.push(item)
              else if (consumer % 3 === 1) await run.pipeline.forEach((item) => void own.push(item))
              else for await (const chunk of run.pipeline.chunks(2)) own.push(...chunk)
              return own
            }),
          )
        const items = (await run.scheduler.drive(share)).flat()
        assert.deepEqual(sorted(items), sorted(expect(spec).inputs.at(-1) ?? []))
      }),
      few,
    )
  })
})

describe('whenever a pipeline is left', () => {
  const ways = ['end', 'drain', 'discard', 'abort', 'signal', 'using'] as const

  it('its source is closed exactly once, and nothing starts any more', async () => {
    await fc.assert(
      fc.asyncProperty(
        chainSpec,
        fc.constantFrom(...ways),
        fc.integer({ min: 0, max: 8 }),
        async (spec, way, after) => {
          const controller = new AbortController()
          const run = new Run(spec, { signal: controller.signal })
          await run.scheduler.drive(async () => {
            for (let taken = 0; taken < after; taken++) await run.pipeline.getItem()
            if (way === 'end') await collect(run.pipeline)
            else if (way === 'using') await run.pipeline[Symbol.asyncDispose]()
            else if (way === 'signal') {
              controller.abort()
              await run.pipeline.done.catch(() => {})
            } else await run.pipeline.stop({ mode: way })
            await turns(5)
          })
          await turns(5)
          assert.ok(run.opens <= 1)
          assert.equal(run.closes, run.opens)
          const { pulls } = run
          const taken = run.records.map((record) => record.taken)
          if (way !== 'drain') {
            await run.pipeline.getItem().catch(() => {})
            await turns(5)
            assert.deepEqual(
              run.records.map((record) => record.taken),
              taken,
            )
          }
          assert.equal(run.pulls, pulls)
        },
      ),
      { ...few, numRuns: tries(50) },
    )
  })

  it('draining brings out all that was pulled', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, fc.integer({ min: 0, max: 8 }), async (spec, after) => {
        const run = new Run(spec)
        const items: string[] = []
        await run.scheduler.drive(async () => {
          for (let taken = 0; taken < after; taken++) {
            const result = await run.pipeline.getItem()
            if (!result.done) items.push(result.value)
          }
          const stopped = run.pipeline.stop({ mode: 'drain' })
          items.push(...(await collect(run.pipeline)))
          await stopped
        })
        // A pull that was under way when the source was closed may or may not have brought its
        // item.
        const pulled = [run.pulls, run.pulls - 1].map((pulls) =>
          sorted(expect(spec, names(Math.max(0, pulls))).inputs.at(-1) ?? []),
        )
        const got = JSON.stringify(sorted(items))
        assert.ok(
          got === JSON.stringify(pulled[0]) ||
            (spec.source.startsWith('async') && got === JSON.stringify(pulled[1])),
          `${got} of ${run.pulls} pulled`,
        )
      }),
      few,
    )
  })
})

describe('whichever item is fatal', () => {
  const fatal = fc.record({
    stage: stageSpec.map((stage) => ({ ...stage, batchesOf: 0, flakyOneOf: 0 })),
    hooks: fc.constantFrom('none' as const, 'sync' as const, 'async' as const),
    items: fc.integer({ min: 1, max: 30 }),
    maxFailures: fc.integer({ min: 0, max: 4 }),
    seed: fc.integer(),
  })

  it('input order delivers exactly the good items before it', async () => {
    await fc.assert(
      fc.asyncProperty(fatal, async ({ stage, hooks, items, maxFailures, seed }) => {
        const spec = {
          items,
          seed,
          source: 'iterable' as const,
          hooks,
          sink: 3,
          stages: [{ ...stage, outputOrder: 'input' as const, failOneOf: stage.failOneOf || 3 }],
        }
        const run = new Run(spec, { maxFailures })
        const fates = names(items).map((item) =>
          fateOf(item, spec.stages[0] as (typeof spec.stages)[0], 0),
        )
        const failing = fates.flatMap((fate, index) => (fate.isFailing ? [index] : []))
        const end = failing[maxFailures]
        const expected = fates
          .slice(0, end === undefined ? undefined : end + 1)
          .flatMap((fate) => [...fate.outputs])
        if (end === undefined) {
          assert.deepEqual(await run.scheduler.drive(() => collect(run.pipeline)), expected)
          return
        }
        const { items: got, failure } = await run.scheduler.drive(() =>
          collectFailure(run.pipeline),
        )
        assert.deepEqual(got, expected)
        assert.equal(failure.errors.length, 1)
        assert.equal(failure.errors[0]?.index, end)
        assert.ok((failure.errors[0]?.failures ?? 0) > maxFailures)
      }),
      few,
    )
  })

  it('completion order delivers the results of all calls that had begun', async () => {
    await fc.assert(
      fc.asyncProperty(fatal, async ({ stage, hooks, items, maxFailures, seed }) => {
        const kind = stage.kind.endsWith('enerator') ? 'async' : stage.kind
        const only = { ...stage, kind, outputOrder: 'completion' as const, failOneOf: 2 }
        const spec = { items, seed, hooks, source: 'generator' as const, sink: 3, stages: [only] }
        const run = new Run(spec, { maxFailures })
        const failing = names(items).filter((item) => fateOf(item, only, 0).isFailing).length
        if (failing <= maxFailures) return
        const { items: got, failure } = await run.scheduler.drive(() =>
          collectFailure(run.pipeline),
        )
        const begun = names(run.records[0]?.taken ?? 0).map((item) => fateOf(item, only, 0))
        assert.deepEqual(sorted(got), sorted(begun.flatMap((fate) => [...fate.outputs])))
        const failed = begun.filter((fate) => fate.isFailing).length
        assert.ok(failed > maxFailures)
        assert.equal(run.failed.length, failed)
        assert.equal(run.stats()[0]?.failures, failed)
        assert.equal(run.closes, 1)
      }),
      few,
    )
  })
})
