import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { PipelineBuilder, SpindleError, type StatsEvent, statsBetween } from 'spindle'
import { range } from '../support/sources.ts'

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function counting(events: StatsEvent[], reportIntervalMs?: number) {
  return new PipelineBuilder()
    .addSource(range(60))
    .pipe(
      async (value) => {
        await pause(2)
        if (value === 30) throw new Error('thirty')
        return value % 10 === 0 ? undefined : value
      },
      { name: 'work', concurrency: 2, maxFailures: 1 },
    )
    .aggregate(7)
    .build({
      onStats: (event) => events.push(event),
      ...(reportIntervalMs === undefined ? {} : { reportIntervalMs }),
    })
}

describe('statistics that are pushed', () => {
  it('come at intervals and at the end, and add up to the total', async () => {
    const events: StatsEvent[] = []
    await counting(events, 10).forEach(() => {})
    assert.ok(events.length >= 2, `${events.length} events`)
    assert.deepEqual(
      events.map(({ kind }) => kind),
      [...events.slice(1).map(() => 'interval'), 'final'],
    )
    const { total } = events.at(-1) as StatsEvent
    for (const [i, stage] of total.stages.entries()) {
      for (const count of ['tasks', 'emitted', 'skipped', 'failures'] as const) {
        const sum = events.reduce(
          (all, { interval }) => all + (interval.stages[i]?.[count] ?? 0),
          0,
        )
        assert.equal(sum, stage[count], `${count} of ${stage.name}`)
      }
      const queued = events.reduce(
        (all, { interval }) => all + (interval.stages[i]?.queue.items ?? 0),
        0,
      )
      assert.equal(queued, stage.queue.items, `queue of ${stage.name}`)
      const empty = events.reduce(
        (all, { interval }) => all + (interval.stages[i]?.queue.emptyMs ?? 0),
        0,
      )
      assert.ok(Math.abs(empty - stage.queue.emptyMs) < 1e-6, `empty time of ${stage.name}`)
    }
    const [, work, batches] = total.stages
    assert.deepEqual([work?.tasks, work?.skipped, work?.failures, work?.emitted], [60, 5, 1, 54])
    assert.deepEqual([batches?.tasks, batches?.emitted], [54, 8])
    assert.equal(total.items, 8)
    assert.equal(
      events.reduce((all, { interval }) => all + interval.items, 0),
      8,
    )
  })

  it('come at the end alone, if no interval was asked for', async () => {
    const events: StatsEvent[] = []
    await counting(events).forEach(() => {})
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['final'],
    )
    assert.deepEqual(events[0]?.interval.stages[1]?.tasks, 60)
  })

  it('come when the pipeline fails, and when it is stopped', async () => {
    const events: StatsEvent[] = []
    const failing = new PipelineBuilder()
      .addSource(range(3))
      .pipe(() => Promise.reject(new Error('no')))
      .build({ onStats: (event) => events.push(event) })
    await assert.rejects(failing.forEach(() => {}))
    assert.equal(events.length, 1)
    const stopped = counting(events)
    await stopped.getItem()
    await stopped.stop()
    assert.equal(events.length, 2)
  })

  it('are published on a diagnostics channel', async () => {
    const events: StatsEvent[] = []
    const listen = (event: unknown) => events.push(event as StatsEvent)
    subscribe('spindle:stats', listen)
    try {
      await new PipelineBuilder()
        .addSource(range(3))
        .build()
        .forEach(() => {})
    } finally {
      unsubscribe('spindle:stats', listen)
    }
    assert.equal(events.at(-1)?.kind, 'final')
    assert.equal(events.at(-1)?.total.items, 3)
  })

  it('do no harm when the listener throws', async () => {
    const logged: string[] = []
    const pipeline = new PipelineBuilder().addSource(range(3)).build({
      onStats: () => {
        throw new Error('no listener')
      },
      logger: { warn: () => {}, error: (message) => logged.push(message) },
    })
    await pipeline.forEach(() => {})
    assert.match(logged.join(), /onStats/)
  })

  it('refuse an interval that is none', () => {
    const builder = new PipelineBuilder().addSource(range(3))
    for (const reportIntervalMs of [0, -1, Number.NaN, '5'] as number[]) {
      assert.throws(
        () => builder.build({ reportIntervalMs }),
        (error) => error instanceof SpindleError && error.code === 'ERR_BAD_OPTION',
      )
    }
  })
})

describe('the difference of two readings', () => {
  it('cuts a spell that is still open at its edge', async () => {
    let open = (_: number): void => {}
    const gate = new Promise<number>((resolve) => {
      open = resolve
    })
    const pipeline = new PipelineBuilder()
      .addSource(range(3))
      .pipe(() => gate, { name: 'slow' })
      .build()
    const item = pipeline.getItem()
    await pause(20)
    const first = pipeline.stats()
    await pause(20)
    const second = pipeline.stats()
    const between = statsBetween(first, second)
    const slow = between.stages[1]
    assert.ok(between.elapsedMs >= 19, `${between.elapsedMs} ms`)
    assert.ok(slow && slow.queue.emptyMs >= 19 && slow.queue.emptyMs <= between.elapsedMs + 1)
    assert.ok(slow.shares.running > 0.9, 'the call in flight counts as work')
    assert.equal(slow.tasks, 0)
    open(1)
    await item
    await pipeline.stop()
  })

  it('has the percentiles of its own tasks', async () => {
    let ms = 1
    const pipeline = new PipelineBuilder()
      .addSource(range(40))
      .pipe(() => pause(ms).then(() => 1), { name: 'work' })
      .build()
    for (let i = 0; i < 20; i++) await pipeline.getItem()
    const before = pipeline.stats()
    ms = 12
    for (let i = 0; i < 20; i++) await pipeline.getItem()
    const { p90Ms, meanMs } = statsBetween(before, pipeline.stats()).stages[1] ?? {
      p90Ms: 0,
      meanMs: 0,
    }
    assert.ok(p90Ms > 10, `p90 ${p90Ms}`)
    assert.ok(meanMs > 6, `mean ${meanMs}`)
    assert.ok((before.stages[1]?.p50Ms ?? 99) < 8)
  })
})
