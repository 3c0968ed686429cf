import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, profilePipeline, SpindleError, workerModule } from 'spindle'
import { range } from '../support/sources.ts'
import type * as Ops from '../workers/calls/fixtures/ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('../workers/calls/fixtures/ops.js'))
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const quick = { maxMsPerLevel: 300, precision: 0.2 }

describe('profilePipeline', () => {
  it('measures each stage alone at each concurrency, in the order of the pipeline', async () => {
    const builder = new PipelineBuilder()
      .addSource(range(100))
      .pipe(async (value) => pause(4).then(() => value), { name: 'wait' })
      .aggregate(4)
      .pipe((batch) => batch.length, { name: 'count', concurrency: 2 })
    const told: string[] = []
    const result = await profilePipeline(builder, {
      ...quick,
      inputs: 16,
      concurrencies: [8, 1],
      onStage: ({ name }) => told.push(name),
    })
    assert.deepEqual(told, ['wait', 'aggregate(4)', 'count'])
    const [wait, batches, count] = result.stages
    assert.deepEqual(
      wait?.levels.map(({ concurrency }) => concurrency),
      [1, 8],
    )
    const [one, eight] = wait?.levels ?? []
    assert.ok(
      (eight?.perSecond ?? 0) > 3 * (one?.perSecond ?? 1),
      'waiting scales with concurrency',
    )
    assert.equal(wait?.knee, 8)
    assert.equal(batches?.levels.length, 1)
    assert.equal(count?.sourceItemsPerInput, 4)
    assert.match(String(result), /wait: scales, take 8 instead of 1: [\d.]+ times as fast/)
    assert.ok(result.limit !== undefined)
  })

  it('takes no more from the source than it needs, closes it, and runs each op as often as it says', async () => {
    let [taken, closed] = [0, 0]
    function* source() {
      try {
        for (let i = 0; ; i++) {
          taken++
          yield i
        }
      } finally {
        closed++
      }
    }
    await profilePipeline(
      new PipelineBuilder().addSource(source).pipe((value) => value),
      { ...quick, inputs: 5, concurrencies: [1] },
    )
    assert.ok(taken <= 5 + 4, `${taken} taken`)
    assert.equal(closed, 1)
  })

  it('counts failures and goes on', async () => {
    const builder = new PipelineBuilder().addSource(range(10)).pipe(
      (value) => {
        if (value === 3) throw new Error('three')
        return value
      },
      { name: 'fails' },
    )
    const { stages } = await profilePipeline(builder, { ...quick, inputs: 10, concurrencies: [1] })
    assert.ok((stages[0]?.levels[0]?.failures ?? 0) > 0)
  })

  it('runs ops by reference in threads that last for all rounds', async () => {
    const builder = new PipelineBuilder().addSource(range(8)).pipe(ops.double)
    const { stages } = await profilePipeline(builder, {
      ...quick,
      inputs: 8,
      concurrencies: [1, 2],
    })
    assert.equal(stages[0]?.levels.length, 2)
    assert.equal(stages[0]?.levels[0]?.failures, 0)
  })

  it('says of a stage that holds the loop that concurrency does not help', async () => {
    const builder = new PipelineBuilder().addSource(range(10)).pipe(
      (value) => {
        const end = performance.now() + 3
        while (performance.now() < end);
        return value
      },
      { name: 'spin' },
    )
    const result = await profilePipeline(builder, { ...quick, inputs: 10, concurrencies: [1, 4] })
    assert.ok((result.stages[0]?.levels[0]?.loopShare ?? 0) > 0.5)
  })

  it('tries no concurrency that its inputs cannot fill, and says so', async () => {
    let [running, most] = [0, 0]
    const builder = new PipelineBuilder().addSource(range(40)).pipe(
      async (value) => {
        most = Math.max(most, ++running)
        await pause(1)
        running--
        return value
      },
      { name: 'fill', concurrency: 3 },
    )
    const result = await profilePipeline(builder, {
      ...quick,
      inputs: 40,
      concurrencies: [1, 16, 64],
    })
    const [fill] = result.stages
    assert.deepEqual(
      fill?.levels.map(({ concurrency }) => concurrency),
      [1, 3, 16],
    )
    assert.deepEqual(fill?.unfilled, [64])
    assert.equal(most, 16)
    assert.match(String(result), /64 not tried: it has fewer inputs/)
  })

  it('gives each round some inputs for each call at once, so that calls are in flight most of its time', async () => {
    let calls = 0
    const builder = new PipelineBuilder().addSource(range(10)).pipe(
      async (value) => {
        calls++
        await pause(30)
        return value
      },
      { name: 'few' },
    )
    const { stages } = await profilePipeline(builder, {
      inputs: 10,
      concurrencies: [8],
      precision: 0.9,
      maxMsPerLevel: 1,
    })
    const rounds = stages[0]?.levels.reduce((sum, level) => sum + level.rounds, 0)
    assert.equal(rounds, 2)
    // Once for the next stage's inputs; of each level, a round to warm up and one that counts, of 4
    // inputs for each call at once.
    assert.equal(calls, 10 + 2 * 4 * 1 + 2 * 4 * 8)
  })

  it('keeps to the time of a level: where calls are slow, a round has some of the inputs, and the next one others', async () => {
    const seen: number[] = []
    const builder = new PipelineBuilder().addSource(range(100)).pipe(
      async (value) => {
        seen.push(value)
        await pause(4)
        return value
      },
      { name: 'slow', concurrency: 50 },
    )
    await profilePipeline(builder, {
      inputs: 100,
      concurrencies: [1],
      precision: 0.001,
      maxMsPerLevel: 100,
    })
    const rounds = seen.slice(100).filter((value) => value < 100)
    const first = rounds.slice(0, 4)
    assert.ok(
      first.every((value, i) => i === 0 || value > (first[i - 1] as number) + 2),
      `${first}`,
    )
    assert.ok(new Set(rounds).size > 4, 'not always the same')
  })

  it('advises no stage that is as fast as its source', async () => {
    async function* source() {
      for (let i = 0; i < 30; i++) {
        await pause(8)
        yield i
      }
    }
    const builder = new PipelineBuilder()
      .addSource(source)
      .pipe(async (value) => pause(1).then(() => value), { name: 'quick', concurrency: 1 })
    const result = await profilePipeline(builder, { ...quick, inputs: 30, concurrencies: [1, 8] })
    assert.ok((result.sources[0]?.perSecond ?? 0) > 0)
    assert.deepEqual([result.limit?.kind, result.advice], ['source', []])
    assert.match(String(result), /quick: .*its concurrency of 1 is enough: the source limits/)
  })

  it('counts what failed as not done: a server that refuses what is too much is not faster for it', async () => {
    let running = 0
    const builder = new PipelineBuilder().addSource(range(40)).pipe(
      async (value) => {
        if (running >= 4) throw new Error('429')
        running++
        await pause(2)
        running--
        return value
      },
      { name: 'refuses', concurrency: 4 },
    )
    const { stages, advice } = await profilePipeline(builder, {
      ...quick,
      inputs: 40,
      concurrencies: [4, 16],
    })
    assert.ok((stages[0]?.levels[1]?.failedShare ?? 0) > 0.3)
    assert.equal(stages[0]?.knee, 4)
    assert.deepEqual(advice, [])
  })

  it('profiles the inputs of a merge and what follows it', async () => {
    const { merge } = await import('spindle')
    const one = new PipelineBuilder().addSource(range(4)).pipe((value) => value, { name: 'one' })
    const other = new PipelineBuilder()
      .addSource(range(4))
      .pipe((value) => value, { name: 'other' })
    const builder = merge(one, other).pipe((value) => value, { name: 'both' })
    const { stages } = await profilePipeline(builder, { ...quick, inputs: 4, concurrencies: [1] })
    assert.deepEqual(
      stages.map(({ name }) => name),
      ['one', 'other', 'both'],
    )
  })

  it('can be ended', async () => {
    const controller = new AbortController()
    const builder = new PipelineBuilder().addSource(range(10)).pipe(() => pause(20).then(() => 1))
    const profile = profilePipeline(builder, { signal: controller.signal })
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 30)
    await assert.rejects(profile, (error) => error === reason)
  })

  it('refuses wrong options by name', async () => {
    const builder = new PipelineBuilder().addSource(range(3))
    const wrong = [
      { inputs: 0 },
      { concurrencies: [] },
      { concurrencies: [0] },
      { precision: 1 },
      { maxMsPerLevel: 0 },
    ]
    for (const options of wrong) {
      await assert.rejects(
        profilePipeline(builder, options),
        (error) =>
          error instanceof SpindleError &&
          error.code === 'ERR_BAD_OPTION' &&
          error.message.includes(Object.keys(options)[0] as string),
      )
    }
  })
})
