import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { type Logger, PipelineBuilder } from 'spindle'
import { collect, collectFailure, take } from '../../support/consume.ts'
import { never, turns, until, untilAborted } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

/** A logger that keeps what it is told. */
function memory(): { logger: Logger; said: string[] } {
  const said: string[] = []
  const write =
    (level: string) =>
    (message: unknown, ...details: unknown[]) =>
      void said.push([level, message, ...details].map(String).join(' '))
  return {
    said,
    logger: {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    },
  }
}

describe('background tasks', () => {
  it('run beside the pipeline, and are told when it has ended', async () => {
    const log: string[] = []
    const note = (text: string) => void log.push(text)
    const pipeline = numbers(3).build({
      backgroundTasks: [
        (signal) => {
          note('begun')
          return untilAborted(signal).catch(() => note('told'))
        },
        () => note('short'),
        async () => note('async'),
      ],
    })
    assert.equal(log.length, 0, 'not before the start')
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    await pipeline.done
    await until(() => log.includes('told'))
    assert.deepEqual(log.toSorted(), ['async', 'begun', 'short', 'told'])
  })

  it('are told also when it is stopped, fails or is aborted', async () => {
    const controller = new AbortController()
    const ways: (() => Promise<unknown>)[] = []
    let told = 0
    const options = {
      backgroundTasks: [(signal: AbortSignal) => untilAborted(signal).catch(() => void told++)],
    }
    ways.push(async () => {
      const pipeline = numbers(100).build(options)
      await take(pipeline, 1)
      await pipeline.stop()
    })
    ways.push(() =>
      collectFailure(
        numbers(3)
          .pipe((): number => assert.fail('no'))
          .build(options),
      ),
    )
    ways.push(async () => {
      const pipeline = numbers(100).build({ ...options, signal: controller.signal })
      await take(pipeline, 1)
      controller.abort()
      await pipeline.done.catch(() => {})
    })
    for (const [position, way] of ways.entries()) {
      await way()
      await until(() => told === position + 1)
    }
  })

  it('that fail are logged, and change nothing', async () => {
    const { logger, said } = memory()
    const pipeline = numbers(5)
      .pipe(async (value) => value)
      .build({
        logger,
        backgroundTasks: [
          () => {
            throw new Error('at once')
          },
          async () => {
            await turns(1)
            throw new Error('later')
          },
        ],
      })
    assert.deepEqual(await collect(pipeline), range(5))
    await until(() => said.some((line) => line.includes('later')))
    assert.ok(said.some((line) => line.includes('at once')))
  })

  it('may be none', async () => {
    assert.deepEqual(await collect(numbers(3).build({ backgroundTasks: [] })), [0, 1, 2])
  })

  it('that never end do not keep the pipeline from ending', async () => {
    const pipeline = numbers(3).build({ backgroundTasks: [() => never<void>()] })
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    await pipeline.stop()
    await pipeline.done
  })
})

describe('the logger', () => {
  it('hears of the errors of onItemError and deadLetter', async () => {
    const { logger, said } = memory()
    const pipeline = numbers(1)
      .pipe((): number => assert.fail('op'))
      .build({
        logger,
        maxFailures: 1,
        onItemError: () => assert.fail('listener of items'),
        deadLetter: async () => assert.fail('post office'),
      })
    assert.deepEqual(await collect(pipeline), [])
    await pipeline.done
    await until(() => said.some((line) => line.includes('post office')))
    assert.ok(said.some((line) => line.includes('listener of items')))
  })
})

describe('diagnostics channels', () => {
  it('tell of the start and the end of pipelines and stages, and of failed items', async () => {
    const names = [
      'spindle:pipeline:start',
      'spindle:pipeline:end',
      'spindle:stage:end',
      'spindle:item:error',
    ]
    const heard: [string, unknown][] = []
    const listener = (message: unknown, name: string | symbol) =>
      void heard.push([String(name), message])
    for (const name of names) subscribe(name, listener)
    try {
      const pipeline = numbers(4)
        .pipe(
          (value) => {
            if (value === 2) throw new Error('two')
            return value
          },
          { name: 'picky' },
        )
        .build({ maxFailures: 1 })
      assert.equal(heard.length, 0)
      await collect(pipeline)
      await pipeline.done
      await turns(3)
    } finally {
      for (const name of names) unsubscribe(name, listener)
    }
    const count = (name: string) => heard.filter(([each]) => each === name).length
    assert.equal(heard[0]?.[0], 'spindle:pipeline:start')
    assert.equal(heard.at(-1)?.[0], 'spindle:pipeline:end')
    assert.equal(count('spindle:pipeline:start'), 1)
    assert.equal(count('spindle:pipeline:end'), 1)
    assert.ok(count('spindle:stage:end') >= 1)
    assert.equal(count('spindle:item:error'), 1)
  })
})
