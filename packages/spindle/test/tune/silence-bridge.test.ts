import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Pipeline, PipelineBuilder } from 'spindle'
import { graphOf } from '../../src/engine/run/pipeline.ts'
import type { Stage } from '../../src/engine/stages/stage.ts'
import { bridgingCalls } from '../../src/tuning/silence-bridge.ts'
import { deferred, until } from '../support/gates.ts'
import { range } from '../support/sources.ts'

describe('calls that bridge silences of the loop', () => {
  it('are as many as end during one, within a bound in bytes', () => {
    assert.equal(bridgingCalls(1.5, 0, 0), 0)
    assert.equal(bridgingCalls(1.5, 20, 0), 38)
    assert.equal(bridgingCalls(1.5, 20, 2 ** 22), 8)
  })

  it('are in flight beside those that were set', async () => {
    await fc.assert(
      fc.asyncProperty(
        changesOf,
        fc.constantFrom('input', 'completion'),
        async (changes, outputOrder) => {
          const gate = deferred<void>()
          let inFlight = 0
          const pipeline = new PipelineBuilder()
            .addSource(range(40))
            .pipe(
              async (n) => {
                inFlight++
                await gate.promise
                inFlight--
                return n
              },
              { concurrency: 3, outputOrder: outputOrder as 'input' },
            )
            .addSink(40)
            .build()
          pipeline.start()
          const stage = stageOf(pipeline)
          let [set, most] = [3, 3]
          await until(() => inFlight === most)
          for (const [isBridge, calls] of changes) {
            if (!isBridge) set = calls
            if (isBridge) stage.bridge(calls)
            else stage.resize(calls)
            assert.equal(stage.concurrency, set + stage.bridging)
            most = Math.max(most, stage.concurrency)
            await until(() => inFlight === most)
          }
          gate.resolve()
          const given: number[] = []
          for await (const n of pipeline) given.push(n)
          assert.deepEqual(
            given.sort((a, b) => a - b),
            [...range(40)],
          )
        },
      ),
      { numRuns: 10 },
    )
  })

  it('keep to the range of a tuned stage', () => {
    fc.assert(
      fc.property(changesOf, (changes) => {
        const pipeline = new PipelineBuilder()
          .addSource(range(1))
          .pipe((n) => n, { concurrency: { min: 1, max: 12 } })
          .build()
        const stage = stageOf(pipeline)
        for (const [isBridge, calls] of changes) {
          if (isBridge) stage.bridge(calls)
          else stage.resize(calls)
          assert.ok(stage.concurrency <= 12)
          if (!isBridge) assert.equal(stage.concurrency, Math.min(12, calls + stage.bridging))
        }
      }),
      { numRuns: 20 },
    )
  })
})

const changesOf = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), {
  maxLength: 8,
})

function stageOf(pipeline: Pipeline<number>): Stage {
  const stage = graphOf(pipeline as unknown as Pipeline<never>).stages[1]
  assert.ok(stage)
  return stage
}
