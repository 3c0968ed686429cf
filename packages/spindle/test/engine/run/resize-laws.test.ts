import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { type Pipeline, PipelineBuilder, type PipelineState } from 'spindle'
import { graphOf } from '../../../src/engine/run/pipeline.ts'
import type { Stage } from '../../../src/engine/stages/stage.ts'
import { collect, take } from '../../support/consume.ts'
import { settled } from '../../support/gates.ts'
import { type ChainSpec, chainSpec, expect, healthyChain, names, Run } from '../../support/graph.ts'
import { Scheduler } from '../../support/scheduler.ts'
import { tries } from '../../support/tries.ts'

const few = { numRuns: tries(60), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true }
const sorted = (items: readonly string[]) => items.toSorted()

/** The stages whose bounds the test changes. What would change them too is kept out. */
function stagesOf(pipeline: Pipeline<string>): Stage[] {
  const graph = graphOf(pipeline as Pipeline<never>)
  for (const listener of graph.listeners)
    if (['GraphTuner', 'SilenceBridge'].includes(listener.constructor.name))
      graph.listeners.delete(listener)
  return graph.stages.filter(({ info }) => info.name.startsWith('stage '))
}

type Resizable = Pick<Run, 'pipeline' | 'scheduler'> & Partial<Pick<Run, 'onEnter'>>

/**
 * Runs a chain while the bounds of its stages change at random. A task begins only below the bound
 * in force: so what runs never exceeds it, but for what began under a larger one, which only
 * becomes less.
 */
async function runResized<V>(run: Resizable, work: () => Promise<V>): Promise<V> {
  const stages = stagesOf(run.pipeline)
  const { scheduler } = run
  const allowed = stages.map((stage) => stage.concurrency)
  const excesses: string[] = []
  const look = () => {
    stages.forEach(({ running, concurrency }, i) => {
      const most = allowed[i] ?? 0
      if (running > most)
        excesses.push(`${running} in flight at stage ${i}, where ${most} are allowed`)
      allowed[i] = Math.max(concurrency, Math.min(most, running))
    })
  }
  run.onEnter = look
  let isOver = false
  const resizing = (async () => {
    while (!isOver) {
      look()
      const at = scheduler.random(stages.length)
      const stage = stages[at] as Stage
      if (scheduler.random(3) === 0) stage.resizeBuffer(1 + scheduler.random(6))
      else {
        const bound = 1 + scheduler.random(8)
        allowed[at] = Math.max(bound, stage.running)
        stage.resize(bound)
      }
      look()
      await nextTurn()
    }
  })()
  try {
    return await scheduler.drive(work)
  } finally {
    isOver = true
    await resizing
    assert.deepEqual(excesses, [])
  }
}

/**
 * Stages of which one call at a time was asked for may have more now: they keep the order only if
 * they are told to.
 */
function isOrdered(spec: ChainSpec): boolean {
  return spec.stages.every((stage) => stage.outputOrder === 'input')
}

describe('while concurrency and buffers change at random', () => {
  it('no call begins above the bound in force, and all items come out, once, in the order that is promised', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec, { tune: 'continuous' })
        const items = await runResized(run, () => collect(run.pipeline))
        const { inputs } = expect(spec)
        if (isOrdered(spec)) assert.deepEqual(items, inputs.at(-1))
        else assert.deepEqual(sorted(items), sorted(inputs.at(-1) ?? []))
        assert.equal(run.closes, 1)
      }),
      few,
    )
  })

  it('failures and retries are counted as they are without', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, async (spec) => {
        const run = new Run(spec, { tune: 'continuous' })
        await runResized(run, () => collect(run.pipeline))
        const { failures, retries } = expect(spec)
        const stats = run.stats()
        assert.deepEqual(
          stats.map((stage) => [stage.failures, stage.retries]),
          failures.map((count, i) => [count, retries[i]]),
        )
      }),
      few,
    )
  })

  it('a stop in the middle ends everything, and closes the source once', async () => {
    const modes = ['abort', 'discard', 'drain'] as const
    await fc.assert(
      fc.asyncProperty(
        healthyChain,
        fc.constantFrom(...modes),
        fc.nat(10),
        async (spec, mode, count) => {
          const run = new Run(spec, { tune: 'continuous' })
          const items = await runResized(run, async () => {
            const some = await take(run.pipeline, count)
            const rest = collect(run.pipeline)
            await run.pipeline.stop({ mode })
            return [...some, ...(await rest)]
          })
          assert.equal(new Set(items).size, items.length)
          assert.equal(run.closes, Math.min(1, run.opens))
          assert.ok(stagesOf(run.pipeline).every((stage) => stage.running === 0))
        },
      ),
      few,
    )
  })

  it('a resumable run that is stopped goes on exactly where it was', async () => {
    const orders = fc.constantFrom('completion' as const, 'input' as const)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20),
        fc.nat(25),
        orders,
        orders,
        fc.integer(),
        async (items, count, one, other, seed) => {
          const build = (state?: PipelineState) => {
            const scheduler = new Scheduler(seed)
            const op = async (item: string) => {
              await scheduler.wait()
              return item
            }
            const pipeline = new PipelineBuilder()
              .addSource(names(items))
              .pipe(op, { name: 'stage 0', concurrency: { min: 1, max: 8 }, outputOrder: one })
              .pipe(op, { name: 'stage 1', concurrency: 'auto', outputOrder: other })
              .build({ resumable: true, state })
            return { pipeline, scheduler }
          }
          const first = build()
          const some = await runResized(first, () => take(first.pipeline, count))
          const state = first.pipeline.state()
          await first.pipeline.stop()
          const second = build(state)
          const rest = await runResized(second, () => collect(second.pipeline))
          const all = [...some, ...rest]
          assert.deepEqual(sorted([...new Set(all)]), sorted(names(items)))
          // The last item taken is not committed: nothing was asked for after it.
          assert.ok(all.length - new Set(all).size <= 1)
        },
      ),
      few,
    )
  })
})

describe('a stage whose concurrency is changed', () => {
  const held = () => {
    const releases: (() => void)[] = []
    const pipeline = new PipelineBuilder()
      .addSource(names(30))
      .pipe((item) => new Promise<string>((resolve) => releases.push(() => resolve(item))), {
        name: 'stage 0',
        concurrency: { min: 1, max: 10 },
      })
      .build()
    const stage = stagesOf(pipeline)[0] as Stage
    stage.resize(4)
    return { releases, pipeline, stage }
  }

  it('begins as many calls at once as the larger bound allows', async () => {
    const { releases, pipeline, stage } = held()
    const all = collect(pipeline)
    assert.equal(await settled(() => releases.length), 4)
    stage.resize(9)
    assert.equal(await settled(() => releases.length), 9)
    assert.equal(pipeline.stats().stages[1]?.concurrency, 9)
    stage.resize(1)
    for (let given = 0; given < 30; ) {
      for (; given < releases.length; given++) releases[given]?.()
      await settled(() => releases.length)
    }
    assert.equal((await all).length, 30)
  })

  it('begins no call after the bound was lowered until enough have ended', async () => {
    const { releases, pipeline, stage } = held()
    const all = collect(pipeline)
    stage.resize(6)
    assert.equal(await settled(() => releases.length), 6)
    stage.resize(2)
    for (const release of releases.slice(0, 4)) release()
    assert.equal(await settled(() => releases.length), 6)
    releases[4]?.()
    assert.equal(await settled(() => releases.length), 7)
    let given = 5
    while (given < 30) {
      for (; given < releases.length; given++) releases[given]?.()
      await settled(() => releases.length)
    }
    assert.equal((await all).length, 30)
  })

  it('has shares of the slots that there were, whenever that was', async () => {
    const { pipeline, stage } = held()
    const first = pipeline.getItem().catch(() => {})
    await settled(() => stage.running)
    stage.resize(10)
    await settled(() => stage.running)
    const { shares, sums } = pipeline.stats().stages[1] ?? assert.fail()
    assert.ok(sums.slotMs > 0)
    const whole = shares.idle + shares.running + shares.queued + shares.blocked
    assert.ok(Math.abs(whole - 1) < 1e-9, `${whole}`)
    await pipeline.stop()
    await first
  })
})
