import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineFailure } from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { expectTree, TreeRun, treeSpec } from '../../support/tree.ts'
import { tries } from '../../support/tries.ts'

const runs = { numRuns: tries(25), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true }
const sorted = (items: readonly string[]) => items.toSorted()

describe('in a graph of any shape', () => {
  it('every item takes its way, once', async () => {
    await fc.assert(
      fc.asyncProperty(treeSpec, async (spec) => {
        const run = new TreeRun(spec)
        const items = await run.scheduler.drive(() => collect(run.pipeline))
        assert.deepEqual(sorted(items), sorted(expectTree(spec.tree)))
        assert.equal(run.closes, run.opens)
      }),
      runs,
    )
  })

  it('leaving and coming back loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        treeSpec,
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
        async (spec, parts) => {
          const run = new TreeRun(spec)
          const items: string[] = []
          await run.scheduler.drive(async () => {
            for (const part of parts) items.push(...(await take(run.pipeline, part)))
            items.push(...(await collect(run.pipeline)))
          })
          assert.deepEqual(sorted(items), sorted(expectTree(spec.tree)))
        },
      ),
      runs,
    )
  })

  it('epochs are complete and do not mix', async () => {
    await fc.assert(
      fc.asyncProperty(treeSpec, async (spec) => {
        const run = new TreeRun(spec, {}, true)
        await run.scheduler.drive(async () => {
          for (let epoch = 0; epoch < 3; epoch++) {
            assert.deepEqual(
              sorted(await collect(run.pipeline)),
              sorted(expectTree(spec.tree, `e${epoch}-`)),
            )
          }
          await run.pipeline.stop()
        })
        assert.equal(run.closes, run.opens)
      }),
      runs,
    )
  })

  it('a stop settles, in every mode and at any time, and closes what was opened', async () => {
    const modes = fc.constantFrom('drain', 'discard', 'abort')
    await fc.assert(
      fc.asyncProperty(
        treeSpec,
        modes,
        fc.nat(12),
        fc.boolean(),
        async (spec, mode, after, continuous) => {
          const run = new TreeRun(spec, {}, continuous)
          const items: string[] = []
          await run.scheduler.drive(async () => {
            for (let taken = 0; taken < after; taken++) {
              const result = await run.pipeline.getItem()
              if (!result.done) items.push(result.value)
            }
            await run.pipeline.stop({ mode })
            // What is left of several epochs ends with as many ends.
            let isOver = false
            void run.pipeline.done.then(() => {
              isOver = true
            })
            while (!isOver) {
              const result = await run.pipeline.getItem()
              if (result.done) await turns(1)
              else items.push(result.value)
            }
          })
          assert.equal(run.closes, run.opens)
          assert.equal(new Set(items).size, items.length, 'nothing twice')
        },
      ),
      { ...runs, numRuns: tries(30) },
    )
  })

  it('a failure reaches the consumer after good items only, and everything settles', async () => {
    let failures = 0
    await fc.assert(
      fc.asyncProperty(treeSpec, fc.integer({ min: 0, max: 3 }), async (spec, maxFailures) => {
        const run = new TreeRun(spec, { maxFailures })
        const items: string[] = []
        const error = await run.scheduler.drive(() =>
          run.pipeline.forEach((item) => void items.push(item)).catch((reason: unknown) => reason),
        )
        const good = new Set(expectTree(spec.tree))
        assert.ok(items.every((item) => good.has(item)))
        assert.equal(new Set(items).size, items.length)
        await turns(3)
        assert.equal(run.closes, run.opens)
        if (error === undefined) {
          assert.equal(items.length, good.size)
          await run.pipeline.done
          return
        }
        failures++
        assert.ok(error instanceof PipelineFailure)
        assert.ok(error.errors.length > 0)
        await assert.rejects(run.pipeline.done, (reason) => reason === error)
        await assert.rejects(collect(run.pipeline), (reason) => reason === error)
      }),
      { ...runs, numRuns: tries(30) },
    )
    assert.ok(failures > 0, 'some did fail')
  })
})
