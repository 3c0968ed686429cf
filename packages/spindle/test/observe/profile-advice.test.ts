import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { width } from '../../src/cells.ts'
import {
  adviceOf,
  kneeOf,
  limitOf,
  type MeasuredChain,
  shapeOf,
} from '../../src/observe/profile-advice.ts'
import { printProfile } from '../../src/observe/profile-text.ts'
import type { ProfileLevel, StageProfile } from '../../src/observe/profile-types.ts'

const CORES = 4

function level(
  concurrency: number,
  perSecond: number,
  more: Partial<ProfileLevel> = {},
): ProfileLevel {
  return {
    concurrency,
    perSecond,
    spread: 0.02,
    rounds: 5,
    p50Ms: 1,
    p99Ms: 2,
    loopShare: 0,
    cpuCores: 0,
    machineBusy: 0,
    failures: 0,
    failedShare: 0,
    ...more,
  }
}

function stage(
  name: string,
  concurrency: number,
  rates: Readonly<Record<number, number>> | readonly ProfileLevel[],
  more: Partial<StageProfile> = {},
): StageProfile {
  const levels = Array.isArray(rates)
    ? (rates as readonly ProfileLevel[])
    : Object.entries(rates).map(([at, perSecond]) => level(Number(at), perSecond))
  return {
    name,
    where: undefined,
    concurrency,
    levels,
    unfilled: [],
    knee: kneeOf(levels) ?? concurrency,
    shape: shapeOf(levels),
    sourceItemsPerInput: 1,
    ...more,
  }
}

const chainOf = (
  sourceRate: number | undefined,
  ...stages: readonly StageProfile[]
): MeasuredChain => ({
  source: { name: 'source', perSecond: sourceRate },
  inputs: [],
  stages,
  yield: 1,
})

function adviseOf(chain: MeasuredChain) {
  const limit = limitOf(chain, CORES)
  const changes = adviceOf(chain, limit, CORES).map(({ stage: name, from, to, gain }) => [
    name,
    from,
    to,
    gain,
  ])
  return { limit, changes }
}

const linear = { 1: 100, 2: 200, 4: 400, 8: 800 }

describe('the advice of a profile', () => {
  it('is the least concurrency that is as good as the best', () => {
    const { changes, limit } = adviseOf(
      chainOf(undefined, stage('a', 1, { 1: 100, 2: 195, 4: 290, 8: 300 })),
    )
    assert.deepEqual(changes, [['a', 1, 4, 2.9]])
    assert.deepEqual(limit, { kind: 'stage', stage: 'a', perSecond: 290 })
  })

  it('is none for a stage that is as fast as the source already', () => {
    const { changes, limit } = adviseOf(chainOf(190, stage('a', 2, linear)))
    assert.deepEqual(changes, [])
    assert.deepEqual(limit, { kind: 'source', stage: 'source', perSecond: 190 })
  })

  it('is none for a stage that is as fast as the slowest one can be', () => {
    const slow = stage('slow', 4, { 1: 50, 2: 100, 4: 150, 8: 150 })
    assert.deepEqual(adviseOf(chainOf(undefined, stage('quick', 2, linear), slow)).changes, [])
  })

  it('goes no further, and promises no more, than the rest of the pipeline does', () => {
    const { changes } = adviseOf(chainOf(210, stage('a', 1, linear)))
    assert.deepEqual(changes, [['a', 1, 2, 2]])
    assert.deepEqual(adviseOf(chainOf(350, stage('a', 1, linear))).changes, [['a', 1, 4, 3.5]])
  })

  it('counts what one input of a stage stands for: a batch is many items', () => {
    const batches = stage('batches', 1, { 1: 10, 2: 20, 4: 40 }, { sourceItemsPerInput: 16 })
    assert.deepEqual(adviseOf(chainOf(170, batches)).changes, [])
    assert.deepEqual(adviseOf(chainOf(320, batches)).changes, [['batches', 1, 2, 2]])
  })

  it('is none for less than 1.2 times, nor for what may be noise', () => {
    assert.deepEqual(
      adviseOf(chainOf(undefined, stage('a', 2, { 1: 60, 2: 100, 4: 118 }))).changes,
      [],
    )
    const noisy = [level(1, 100, { spread: 0.5 }), level(2, 125, { spread: 0.4 })]
    assert.deepEqual(adviseOf(chainOf(undefined, stage('a', 1, noisy))).changes, [])
  })

  it('goes down where less is faster', () => {
    const { changes } = adviseOf(
      chainOf(undefined, stage('a', 8, { 1: 100, 2: 200, 4: 190, 8: 110 })),
    )
    assert.deepEqual(changes, [['a', 8, 2, 200 / 110]])
  })

  it('is bounded by the loop that all ops share', () => {
    const held = (name: string) =>
      stage(name, 1, [level(1, 100, { loopShare: 0.9 }), level(2, 100, { loopShare: 0.9 })])
    const { limit } = adviseOf(chainOf(undefined, held('a'), held('b')))
    assert.equal(limit?.kind, 'loop')
    assert.ok(Math.abs((limit?.perSecond ?? 0) - 1000 / 18) < 0.1)
  })

  it('is bounded by the cores that all stages share', () => {
    const busy = (name: string) =>
      stage(
        name,
        2,
        [1, 2, 4].map((at) => level(at, 100 * at, { cpuCores: at })),
      )
    const { limit, changes } = adviseOf(chainOf(undefined, busy('a'), busy('b')))
    assert.deepEqual([limit?.kind, limit?.perSecond], ['cpu', 200])
    assert.deepEqual(changes, [], 'both have 2 of the 4 cores already')
  })

  it('is none for a stage most of whose inputs failed, and it limits nothing', () => {
    const failing = stage(
      'fails',
      1,
      [1, 2].map((at) => level(at, at, { failures: 90, failedShare: 0.9 })),
    )
    const { limit, changes } = adviseOf(chainOf(undefined, failing, stage('a', 1, linear)))
    assert.deepEqual([limit?.stage, changes], ['a', [['a', 1, 8, 8]]])
  })

  it('looks at what is merged, each for its own source', () => {
    const one = { ...chainOf(100, stage('one', 1, linear)), yield: 1 }
    const other = { ...chainOf(undefined, stage('other', 1, linear)), yield: 1 }
    const chain = {
      source: undefined,
      inputs: [one, other],
      stages: [stage('both', 8, linear)],
      yield: 1,
    }
    const { changes, limit } = adviseOf(chain)
    assert.equal(limit?.stage, 'both')
    assert.deepEqual(changes, [['other', 1, 8, (800 * (800 / 900)) / 100]])
  })
})

describe('the text of a profile', () => {
  const full = (at: number): ProfileLevel =>
    level(at, 100 * Math.min(at, 4), {
      cpuCores: Math.min(at, 3.9),
      machineBusy: at < 4 ? 0.5 : 0.98,
    })
  const chain = chainOf(
    350,
    stage('decode', 1, [1, 2, 4, 8].map(full), { unfilled: [16, 32] }),
    stage('send-the-results-to-the-object-store-of-the-region', 4, linear),
    stage('画像の復号と縮小と正規化', 4, [level(1, 400, { failures: 3, failedShare: 0.01 })]),
  )
  const limit = limitOf(chain, CORES)
  const result = {
    stages: chain.stages,
    sources: chain.source === undefined ? [] : [chain.source],
    limit,
    advice: adviceOf(chain, limit, CORES),
  }

  it('says when cores are used up, what was not tried, and which stages are fast enough', () => {
    const text = printProfile(result, CORES, 1000)
    assert.match(
      text,
      /^decode: .*take 4 instead of 1: 3\.5 times as fast; from 4 on all 4 cores are used up \(3\.9 of them by this process\); 16, 32 not tried: it has fewer inputs$/m,
    )
    assert.match(
      text,
      /^send-.*: its concurrency of 4 is enough|^send-.*, its concurrency of 4 is enough: the source limits the pipeline to 350 items\/s$/m,
    )
    assert.match(
      text,
      /With these, the source limits the pipeline: 350 items of the source a second\.$/,
    )
  })

  it('fits every terminal', () => {
    for (let columns = 20; columns < 140; columns += 3)
      for (const line of printProfile(result, CORES, columns).split('\n'))
        assert.ok(width(line) <= columns, `${width(line)} of ${columns}: ${line}`)
  })
})
