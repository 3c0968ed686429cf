import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pipeline } from 'spindle'
import { type Case, cases } from '../../../../examples/bottlenecks/cases.ts'

// The pipelines that docs/find-the-bottleneck.md shows, shorter.

const ITEMS = 120

/** Without the remedy. */
const expected: Readonly<
  Record<keyof typeof cases, { readonly stage: string; readonly kind: string }>
> = {
  source: { stage: 'source', kind: 'source' },
  stage: { stage: 'fetchItem', kind: 'stage' },
  consumer: { stage: 'consumer', kind: 'consumer' },
  loop: { stage: 'resize', kind: 'loop' },
  executor: { stage: 'lookUp', kind: 'executor' },
  batches: { stage: 'classify', kind: 'stage' },
}

const runs = new Map<string, Promise<Pipeline<unknown>>>()

/** Each is run once. */
function ran(name: string, which: 'before' | 'after'): Promise<Pipeline<unknown>> {
  const key = `${name} ${which}`
  const run = runs.get(key) ?? (cases[name] as Case)[which](ITEMS)
  runs.set(key, run)
  return run
}

describe('the cases of the guide', () => {
  for (const [name, bottleneck] of Object.entries(expected))
    it(`${name}: the bottleneck is named`, async (t) => {
      const pipeline = await ran(name, 'before')
      const found = pipeline.report().bottleneck
      const { cores, others = 0 } = pipeline.stats().cpu
      if (found?.kind === 'cpu' && others > 0.75 * cores)
        return t.skip('other programs use the cores')
      assert.deepEqual(
        { stage: found?.stage, kind: found?.kind },
        bottleneck,
        String(pipeline.report()),
      )
    })

  it('of a source that asks for pages, every slow step is counted among the quick ones', async () => {
    const pipeline = await ran('source', 'before')
    const source = pipeline.stats().stages[0]
    // Twelve pages of 20 ms; timers may be early by less than one.
    assert.ok((source?.sums.busyMs ?? 0) > 12 * 19, `${source?.sums.busyMs} ms`)
  })

  it('of a generator that asks for pages likewise', async () => {
    const pipeline = await ran('source', 'after')
    const pages = pipeline.stats().stages[1]
    assert.ok((pages?.sums.busyMs ?? 0) > 12 * 19, `${pages?.sums.busyMs} ms`)
  })

  it('with four calls for one thread, three quarters of the time are waiting for it', async () => {
    const pipeline = await ran('executor', 'before')
    const { queued = 0, running = 0 } = pipeline.stats().stages[1]?.shares ?? {}
    assert.ok(queued > 0.6 && running < 0.4, `${queued} waiting, ${running} running`)
  })

  it('batches pay once for many', async () => {
    const [single, batched] = [await ran('batches', 'before'), await ran('batches', 'after')]
    assert.equal(single.stats().stages[2]?.tasks, ITEMS)
    assert.equal(batched.stats().stages[3]?.tasks, Math.ceil(ITEMS / 16))
  })
})
