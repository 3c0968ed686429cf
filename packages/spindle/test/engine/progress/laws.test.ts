import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Pipeline, PipelineState } from 'spindle'
import { collect } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { expectTree, type Tree, TreeRun, treeSpec } from '../../support/tree.ts'
import { tries } from '../../support/tries.ts'

const runs = {
  numRuns: tries(20),
  interruptAfterTimeLimit: 3_600_000,
  markInterruptAsFailure: true,
}
const sorted = (items: readonly string[]) => items.toSorted()

/** What cannot be traced has no place here. */
function traceable({ start, segments }: Tree): Tree {
  if (start.type === 'source') return { start, segments }
  return { start: { ...start, hasOp: false, inputs: start.inputs.map(traceable) }, segments }
}

const spec = treeSpec.map((one) => ({ ...one, tree: traceable(one.tree) }))
/** How many items are taken before each crash, and how many turns of the loop later it comes. */
const crashes = fc.array(fc.record({ taken: fc.nat(9), turns: fc.nat(3) }), { maxLength: 5 })
const spans = fc.constantFrom(1, 2, 5, 4096)

type Consume = (pipeline: Pipeline<string>, limit: number, committed: string[]) => Promise<boolean>

/** Commits an item by asking for the next. */
const byPulling: Consume = async (pipeline, limit, committed) => {
  let last: string | undefined
  for (let taken = 0; taken <= limit; taken++) {
    const result = await pipeline.getItem()
    if (last !== undefined) committed.push(last)
    if (result.done === true) return true
    last = result.value
  }
  return false
}

/** Holds a few items and commits them in another order. */
const explicitly: Consume = async (pipeline, limit, committed) => {
  const held: string[] = []
  const commit = (at: number): void => {
    const [item] = held.splice(at % held.length, 1)
    pipeline.commit(item as string)
    committed.push(item as string)
  }
  for (let taken = 0; taken < limit; taken++) {
    const result = await pipeline.getItem()
    if (result.done === true) {
      while (held.length > 0) commit(0)
      return true
    }
    held.push(result.value)
    if (held.length === 4) commit(taken)
  }
  return false
}

const byForEach: Consume = async (pipeline, limit, committed) => {
  let taken = 0
  let isOver = true
  const stopped = new Error('enough')
  await pipeline
    .forEach((item) => {
      if (taken++ >= limit) {
        isOver = false
        throw stopped
      }
      committed.push(item)
    })
    .catch((error) => assert.equal(error, stopped))
  return isOver
}

const byChunks: Consume = async (pipeline, limit, committed) => {
  let given: string[] = []
  let chunks = 0
  for await (const chunk of pipeline.chunks(3)) {
    committed.push(...given)
    given = chunk
    if (++chunks > limit / 3) return false
  }
  committed.push(...given)
  return true
}

function law(consume: Consume, commit: 'auto' | 'explicit') {
  return fc.asyncProperty(spec, crashes, spans, async (one, stops, span) => {
    const committed: string[] = []
    let state: PipelineState | undefined
    for (const stop of [...stops, { taken: Number.POSITIVE_INFINITY, turns: 0 }]) {
      const resumable = { commit, span }
      const run = new TreeRun(one, { resumable, ...(state === undefined ? {} : { state }) })
      const isOver = await run.scheduler.drive(async () => {
        const ended = await consume(run.pipeline, stop.taken, committed)
        await turns(stop.turns)
        state = JSON.parse(JSON.stringify(run.pipeline.state()))
        await run.pipeline.stop()
        return ended
      })
      assert.equal(run.closes, run.opens)
      if (isOver) break
    }
    assert.deepEqual(sorted(committed), sorted(expectTree(one.tree)))
    // And then there is nothing left.
    const rest = new TreeRun(one, { resumable: true, ...(state === undefined ? {} : { state }) })
    assert.deepEqual(await rest.scheduler.drive(() => collect(rest.pipeline)), [])
  })
}

describe('whenever a run of any graph crashes, the next ones give what was not committed, once', () => {
  it('items committed by asking for the next', () => fc.assert(law(byPulling, 'auto'), runs))
  it('items committed by name, in any order', () => fc.assert(law(explicitly, 'explicit'), runs))
  it('items committed by forEach', () => fc.assert(law(byForEach, 'auto'), runs))
  it('items committed by chunks', () => fc.assert(law(byChunks, 'auto'), runs))
})
