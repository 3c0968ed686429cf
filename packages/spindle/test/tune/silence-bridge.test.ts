import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Pipeline, PipelineBuilder } from 'spindle'
import { graphOf } from '../../src/engine/run/pipeline.ts'
import { bridgingCalls } from '../../src/tuning/silence-bridge.ts'
import { deferred, until } from '../support/gates.ts'
import { range } from '../support/sources.ts'

describe('calls that bridge silences of the loop', () => {
  it('are as many as end during one, within a bound in bytes', () => {
    assert.equal(bridgingCalls(1.5, 0, 0), 0)
    assert.equal(bridgingCalls(1.5, 20, 0), 38)
    assert.equal(bridgingCalls(1.5, 20, 2 ** 22), 8)
  })

  it('are in flight beside those that the tuner has set, and never above the range', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), { maxLength: 8 }),
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
              { concurrency: { min: 1, max: 12 }, outputOrder: outputOrder as 'input' },
            )
            .addSink(40)
            .build()
          pipeline.start()
          const stage = graphOf(pipeline as unknown as Pipeline<never>).stages[1]
          assert.ok(stage)
          await until(() => inFlight === stage.concurrency)
          let [set, most] = [stage.concurrency, stage.concurrency]
          for (const [isBridge, calls] of changes) {
            if (!isBridge) set = calls
            if (isBridge) stage.bridge(calls)
            else stage.resize(calls)
            assert.equal(stage.concurrency, set + stage.bridging)
            assert.ok(stage.concurrency <= 12)
            most = Math.max(most, stage.concurrency)
            assert.equal(inFlight, most)
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
      { numRuns: 20 },
    )
  })
})
