import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, type TaskHook } from 'spindle'
import { collect, collectFailure, take, throwsCode } from '../../support/consume.ts'
import { deferred, settled, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const tolerant = { maxFailures: Number.POSITIVE_INFINITY }

interface Counts {
  stageStarts: number
  stageEnds: number
  taskStarts: number
  taskEnds: number
}

/** Counts calls, by the name of the stage. */
class Counter implements TaskHook {
  readonly byStage: Record<string, Counts> = {}
  onStageStart(stage: { readonly name: string }): void {
    this.of(stage.name).stageStarts++
  }
  onStageEnd(stage: { readonly name: string }): void {
    this.of(stage.name).stageEnds++
  }
  onTaskStart(task: { readonly stage: { readonly name: string } }): void {
    this.of(task.stage.name).taskStarts++
  }
  onTaskEnd(task: { readonly stage: { readonly name: string } }): void {
    this.of(task.stage.name).taskEnds++
  }
  of(name: string): Counts {
    this.byStage[name] ??= { stageStarts: 0, stageEnds: 0, taskStarts: 0, taskEnds: 0 }
    return this.byStage[name]
  }
}

const once = (tasks: number): Counts => ({
  stageStarts: 1,
  stageEnds: 1,
  taskStarts: tasks,
  taskEnds: tasks,
})

describe('what hooks see', () => {
  for (const dropLast of [false, true]) {
    const tasks = dropLast ? 10 : 11
    it(`is each stage once and each task once; ${tasks} of an aggregate of ten items, dropLast ${dropLast}`, async () => {
      const counter = new Counter()
      const pipeline = numbers(10)
        .pipe((value) => value * 2, { name: 'double' })
        .aggregate(5, { dropLast })
        .pipe(
          (): number => {
            throw new Error('no')
          },
          { name: 'fail' },
        )
        .build({ ...tolerant, hooks: [counter] })
      assert.deepEqual(await collect(pipeline), [])
      const { double, fail, ...others } = counter.byStage
      assert.deepEqual(double, once(10))
      assert.deepEqual(fail, once(2))
      assert.deepEqual(
        Object.values(others),
        [once(tasks)],
        'one other stage, the aggregate; none for source and sink',
      )
    })
  }

  it('is the same for each of several hooks', async () => {
    const hooks = [new Counter(), new Counter(), new Counter()]
    await collect(
      numbers(4)
        .pipe((value) => value, { name: 'pass' })
        .build({ hooks }),
    )
    for (const hook of hooks) assert.deepEqual(hook.byStage, { pass: once(4) })
  })

  it('may differ from stage to stage', async () => {
    const counter = new Counter()
    const pipeline = numbers(4)
      .pipe((value) => value, { name: 'watched' })
      .pipe((value) => value, { name: 'unwatched' })
      .build({ hooks: (stage) => (stage.name === 'watched' ? [counter] : []) })
    await collect(pipeline)
    assert.deepEqual(counter.byStage, { watched: once(4) })
  })

  for (const options of [{ concurrency: 1 }, { concurrency: 4, outputOrder: 'input' }] as const) {
    const how = `${options.concurrency} at a time`
    it(`is the input of every task, in order of the input, ${how}`, async () => {
      const items: unknown[] = []
      const failed: unknown[] = []
      const hook: TaskHook = {
        onTaskStart: (task) => {
          items.push(task.item)
        },
        onTaskEnd: (task, outcome) => {
          if (!outcome.ok) failed.push(task.item)
        },
      }
      const pipeline = numbers(9)
        .pipe(
          async (value) => {
            await turns(value % 3)
            if (value % 4 === 1) throw new Error(`no ${value}`)
            return value * 10
          },
          { ...options, ...tolerant },
        )
        .build({ hooks: [hook] })
      assert.deepEqual(await collect(pipeline), [0, 20, 30, 40, 60, 70, 80])
      assert.deepEqual(items, range(9))
      assert.deepEqual(new Set(failed), new Set([1, 5]))
    })
  }

  it('is the very error that the op threw', async () => {
    const error = new Error('the one')
    const seen: unknown[] = []
    const pipeline = numbers(1)
      .pipe(async (): Promise<number> => {
        throw error
      })
      .build({ ...tolerant, hooks: [{ onTaskEnd: (_, outcome) => void seen.push(outcome.error) }] })
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(seen.length, 1)
    assert.equal(seen[0], error)
  })

  it('is one task an item, with all its attempts and outputs', async () => {
    const attempts: number[] = []
    const counter = new Counter()
    const pipeline = numbers(2)
      .pipe(
        (value, context) => {
          if (context.attempt < 3) throw new Error('again')
          return value
        },
        { name: 'retried', retry: { retries: 2, minDelayMs: 1 } },
      )
      .pipe(
        function* (value) {
          yield value
          yield value
        },
        { name: 'doubled' },
      )
      .build({
        hooks: [
          counter,
          {
            onTaskEnd: (task, outcome) => {
              if (task.stage.name === 'retried') attempts.push(outcome.attempts)
            },
          },
        ],
      })
    assert.deepEqual(await collect(pipeline), [0, 0, 1, 1])
    assert.deepEqual(counter.byStage, { retried: once(2), doubled: once(2) })
    assert.deepEqual(attempts, [3, 3])
  })

  it('is the end of a stage once, with its error if it failed', async () => {
    const ends: [string, unknown][] = []
    const error = new Error('five')
    const pipeline = numbers(10)
      .pipe((value) => value, { name: 'before' })
      .pipe(
        (value) => {
          if (value === 5) throw error
          return value
        },
        { name: 'failing' },
      )
      .pipe((value) => value, { name: 'after' })
      .build({ hooks: [{ onStageEnd: (stage, cause) => void ends.push([stage.name, cause]) }] })
    await collectFailure(pipeline)
    await pipeline.stop()
    assert.deepEqual(ends.map(([name]) => name).sort(), ['after', 'before', 'failing'])
    const reasons = new Map(ends)
    assert.equal(reasons.get('after'), undefined)
    const reason = reasons.get('failing') as Error
    assert.ok(reason === error || reason.cause === error)
  })

  it('is the end of every stage also when the pipeline is stopped half-way', async () => {
    const counter = new Counter()
    const pipeline = numbers(1000)
      .pipe(async (value) => value, { name: 'one', concurrency: 3 })
      .aggregate(2)
      .pipe((batch) => batch, { name: 'two' })
      .build({ hooks: [counter] })
    await take(pipeline, 3)
    await pipeline.stop()
    for (const counts of Object.values(counter.byStage)) {
      assert.equal(counts.stageStarts, 1)
      assert.equal(counts.stageEnds, 1)
      assert.equal(counts.taskStarts, counts.taskEnds)
    }
  })
})

describe('a hook that returns a promise', () => {
  it('is awaited: no task before onStageStart, no call before onTaskStart, no result before onTaskEnd', async () => {
    const gates = { stage: deferred(), start: deferred(), end: deferred(), last: deferred() }
    const log: string[] = []
    const pipeline = numbers(1)
      .pipe((value) => {
        log.push('op')
        return value
      })
      .build({
        hooks: [
          {
            onStageStart: () => gates.stage.promise,
            onTaskStart: () => gates.start.promise,
            onTaskEnd: () => gates.end.promise,
            onStageEnd: () => gates.last.promise,
          },
        ],
      })
    const item = pipeline.getItem().then(() => log.push('item'))
    const end = pipeline.getItem().then(() => log.push('end'))
    assert.equal(await settled(() => log.join()), '')
    gates.stage.resolve()
    assert.equal(await settled(() => log.join()), '')
    gates.start.resolve()
    assert.equal(await settled(() => log.join()), 'op')
    gates.end.resolve()
    assert.equal(await settled(() => log.join()), 'op,item')
    gates.last.resolve()
    await Promise.all([item, end])
    assert.deepEqual(log, ['op', 'item', 'end'])
  })
})

describe('a hook that throws', () => {
  const error = new Error('hook')
  const boom = (): void => {
    throw error
  }

  for (const [how, method] of [
    ['throws', boom],
    ['rejects', async () => boom()],
  ] as const) {
    it(`in onStageStart fails the stage before any item (${how})`, async () => {
      let called = 0
      const pipeline = numbers(5)
        .pipe((value) => {
          called++
          return value
        })
        .build({ ...tolerant, hooks: [{ onStageStart: method }] })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, [])
      assert.equal(called, 0)
      assert.equal(failure.errors[0]?.cause, error)
    })

    it(`in onStageEnd fails the stage after all items (${how})`, async () => {
      const pipeline = numbers(5)
        .pipe((value) => value)
        .build({ ...tolerant, hooks: [{ onStageEnd: method }] })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, range(5))
      assert.equal(failure.errors[0]?.cause, error)
    })

    for (const outputOrder of ['completion', 'input'] as const) {
      it(`in onTaskStart fails the item, and the op is not called (${how}, ${outputOrder} order)`, async () => {
        let called = 0
        const pipeline = numbers(5)
          .pipe(
            (value) => {
              called++
              return value
            },
            { outputOrder, concurrency: 2 },
          )
          .build({ ...tolerant, hooks: [{ onTaskStart: method }] })
        assert.deepEqual(await collect(pipeline), [])
        assert.equal(called, 0)
        assert.equal(pipeline.stats().stages[1]?.failures, 5)
      })

      it(`in onTaskEnd fails the item, and its result is dropped (${how}, ${outputOrder} order)`, async () => {
        const pipeline = numbers(5)
          .pipe(async (value) => value, { outputOrder, concurrency: 2 })
          .build({ ...tolerant, hooks: [{ onTaskEnd: method }] })
        assert.deepEqual(await collect(pipeline), [])
        assert.equal(pipeline.stats().stages[1]?.failures, 5)
      })

      it(`counts against the budget in ${outputOrder} order (${how})`, async () => {
        let starts = 0
        const hook: TaskHook = { onTaskStart: () => (++starts > 3 ? method() : undefined) }
        const pipeline = numbers(10)
          .pipe((value) => value, { outputOrder, maxFailures: 1 })
          .build({ hooks: [hook] })
        const { items, failure } = await collectFailure(pipeline)
        assert.deepEqual(items, [0, 1, 2])
        assert.equal(failure.errors[0]?.failures, 2)
      })
    }
  }

  it('does not keep the other hooks from hearing of the end of the stage', async () => {
    const counter = new Counter()
    const pipeline = numbers(3)
      .pipe((value) => value, { name: 'pass' })
      .build({ hooks: [{ onStageEnd: boom }, counter] })
    await collectFailure(pipeline)
    assert.equal(counter.byStage.pass?.stageEnds, 1)
  })

  it('is heard of although the clean-up of another stage takes its time', async () => {
    const release = deferred()
    let waiting = false
    const pipeline = numbers(100)
      .pipe((value) => value, { name: 'slow to end' })
      .pipe(
        (value) => {
          if (value === 3) throw error
          return value
        },
        { name: 'failing' },
      )
      .build({
        hooks: [
          {
            onStageEnd: async (stage) => {
              if (stage.name !== 'slow to end') return
              waiting = true
              await release.promise
            },
          },
        ],
      })
    const outcome = collectFailure(pipeline)
    await until(() => waiting)
    await turns(5)
    release.resolve()
    const { items, failure } = await outcome
    assert.deepEqual(items, [0, 1, 2])
    assert.deepEqual(
      failure.errors.map((each) => each.stage),
      ['failing'],
    )
    assert.equal(failure.errors[0]?.cause, error)
  })
})

describe('a hook that fails an item of an aggregate', () => {
  it('keeps it out of the batches, and repeats none', async () => {
    const hook: TaskHook = {
      onTaskStart: (task) => {
        if (task.item === 1 || task.item === 4) throw new Error('not this one')
      },
    }
    const pipeline = numbers(7)
      .aggregate(2)
      .build({ ...tolerant, hooks: (stage) => (stage.name.includes('aggregate') ? [hook] : []) })
    assert.deepEqual(await collect(pipeline), [[0, 2], [3, 5], [6]])
    assert.equal(pipeline.stats().stages[1]?.failures, 2)
  })
})

describe('what is not a hook', () => {
  it('is refused when the pipeline is built', () => {
    for (const wrong of [42, null, 'hook', { onTaskStart: 'soon' }]) {
      const hooks = [wrong] as unknown as TaskHook[]
      throwsCode(() => numbers(1).build({ hooks }), 'ERR_BAD_OPTION', /hook/i)
    }
  })
})
