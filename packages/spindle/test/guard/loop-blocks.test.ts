import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blocksBetween, LoopBlocks, type LoopPlace } from '../../src/engine/stats/loop-blocks.ts'

const hold = { count: 1, addedMs: 20, lengthMs: 20, lostMs: 40, stack: ['crunch (ops.ts:3)'] }
const at = (place: LoopPlace['place'], stage: string | undefined, line = 3): LoopPlace => ({
  place,
  part: place === 'stage' ? 'op' : undefined,
  stage,
  function: 'crunch',
  where: `ops.ts:${line}`,
})

describe('the blocks of a loop', () => {
  it('of one function are one place, whichever of its lines was found', () => {
    const blocks = new LoopBlocks()
    blocks.add(at('stage', 'a', 3), hold)
    blocks.add(at('stage', 'a', 5), { ...hold, addedMs: 30, lengthMs: 30 })
    const [block, ...more] = blocks.read()
    assert.deepEqual(more, [])
    assert.deepEqual(
      [block?.count, block?.totalMs, block?.longestMs, block?.lostMs],
      [2, 50, 30, 80],
    )
  })

  it('are moved to the place that they turn out to belong to', () => {
    const blocks = new LoopBlocks()
    blocks.add(at('consumer', 'consumer'), hold)
    blocks.add(at('stage', 'a'), hold)
    blocks.move(at('consumer', 'consumer'), at('stage', 'a'))
    blocks.move(at('other', undefined), at('stage', 'a'))
    blocks.move(at('stage', 'a'), at('stage', 'a'))
    const [block, ...more] = blocks.read()
    assert.deepEqual(more, [])
    assert.deepEqual([block?.stage, block?.count, block?.totalMs, block?.lostMs], ['a', 2, 40, 80])
  })

  it('between two readings are those that were added, also if others were moved meanwhile', () => {
    const blocks = new LoopBlocks()
    blocks.add(at('other', undefined), hold)
    blocks.add(at('stage', 'b'), hold)
    const before = blocks.read()
    blocks.move(at('other', undefined), at('stage', 'a'))
    assert.deepEqual(blocksBetween(before, blocks.read()), [])
    blocks.add(at('stage', 'a'), { ...hold, addedMs: 5 })
    const [added, ...more] = blocksBetween(before, blocks.read())
    assert.deepEqual(more, [])
    assert.deepEqual([added?.stage, added?.count, added?.totalMs, added?.lostMs], ['a', 1, 5, 40])
  })
})
