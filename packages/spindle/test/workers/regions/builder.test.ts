import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAIN, merge, PipelineBuilder, ThreadPool, workers } from 'spindle'
import { throwsCode } from '../../support/consume.ts'
import { ops } from './support.ts'

const region = () => new PipelineBuilder().addSource([1, 2]).to(workers({ count: 2 }))

describe('workers()', () => {
  it('checks its options when they are given', () => {
    for (const [options, pattern] of [
      [{}, /`count` must be an integer >= 1 or { min, max }, got undefined/],
      [
        { count: 0 },
        /`count` must be an integer >= 1 or { min, max }, got 0 \(.*builder\.test\.ts:\d+\)/,
      ],
      [{ count: 1, kind: 'fibre' }, /`kind` must be 'thread' or 'process'/],
      [{ count: 1, outputOrder: 'random' }, /`outputOrder` must be 'completion' or 'input'/],
      [{ count: 1, maxDeaths: 0 }, /`maxDeaths` must be an integer >= 1/],
      [{ count: 1, buffer: 0 }, /`buffer` must be an integer >= 1/],
      [{ count: 1, name: '' }, /`name` must be a text that is not empty/],
      [{ count: 1, init: () => {} }, /`init` must be an op of workerModule\(\)/],
      [{ count: 1, maxFailures: -1 }, /`maxFailures` must be/],
      [{ count: 1, workers: 3 }, /unknown option `workers`; known are count, kind/],
    ] as [never, RegExp][]) {
      throwsCode(() => workers(options), 'ERR_BAD_OPTION', pattern)
    }
  })

  it('is what to() takes, or MAIN', () => {
    const builder = new PipelineBuilder().addSource([1])
    for (const wrong of [undefined, 'main', {}, new ThreadPool()])
      throwsCode(
        () => builder.to(wrong as never),
        'ERR_BAD_OPTION',
        /`placement` must be MAIN or what workers\(\) returns/,
      )
  })
})

describe('a region', () => {
  it('refuses a closure when it is given, and says what to do', () => {
    const offset = 3
    throwsCode(
      // @ts-expect-error a closure
      () => region().pipe((n) => n + offset, { name: 'shift' }),
      'ERR_BAD_OPTION',
      /in a region, the op is a function of this thread/,
      /export it from a module and give workerModule<typeof Ops>\(import\.meta\.resolve\('\.\/ops\.js'\)\)\.op/,
      /end the region before it with to\(MAIN\) \(stage "shift", .*builder\.test\.ts:\d+\)/,
    )
    throwsCode(
      () =>
        region().pathVariants(
          // @ts-expect-error a closure
          function choose() {
            return 0
          },
          [(path) => path.pipe(ops.inc)],
        ),
      'ERR_BAD_OPTION',
      /the router is a function.*\.choose/,
    )
    throwsCode(
      // @ts-expect-error a closure
      () => region().aggregate(() => ({ accumulate: () => 1, flush: () => 2 })),
      'ERR_BAD_OPTION',
      /the aggregator is a function/,
    )
    throwsCode(
      // @ts-expect-error a closure
      () => region().pathVariants(ops.parity, [(path) => path.pipe((n) => n)]),
      'ERR_BAD_OPTION',
      /the op is a function/,
    )
  })

  it('refuses what else cannot cross', () => {
    throwsCode(
      () => region().pipe(new Map<number, unknown>([[1, () => 2]])),
      'ERR_BAD_OPTION',
      /the Map contains a function, which cannot leave this thread/,
    )
    throwsCode(
      () => region().pipe(ops.inc, { retry: { retries: 1, shouldRetry: () => true } }),
      'ERR_BAD_OPTION',
      /`retry\.shouldRetry` is a function/,
    )
    throwsCode(
      () => region().pipe(ops.inc, { executor: new ThreadPool() }),
      'ERR_BAD_OPTION',
      /`executor` has no meaning/,
    )
  })

  it('has at least one stage, whatever ends it', () => {
    throwsCode(() => region().to(MAIN), 'ERR_BAD_STATE', /a region needs at least one stage/)
    throwsCode(() => region().to(workers({ count: 1 })), 'ERR_BAD_STATE', /at least one stage/)
    throwsCode(() => region().build(), 'ERR_BAD_STATE', /at least one stage/)
  })

  it('does not stand within another one', () => {
    throwsCode(
      () =>
        region().pathVariants(ops.parity, [(path) => path.to(workers({ count: 1 })).pipe(ops.inc)]),
      'ERR_BAD_STATE',
      /a path within a region runs in its workers as a whole/,
    )
  })

  it('cannot keep the order of its input where paths are joined as they come', () => {
    const place = workers({ count: 1, outputOrder: 'input' })
    throwsCode(
      () =>
        new PipelineBuilder()
          .addSource([1])
          .to(place)
          .pathVariants(ops.parity, [(path) => path.pipe(ops.inc)]),
      'ERR_BAD_OPTION',
      /pathVariants\(\) gives results as they arrive/,
    )
  })

  it('does not follow the sink, and may not mix batches in a batched path', () => {
    throwsCode(
      () => new PipelineBuilder().addSource([1]).addSink().to(MAIN),
      'ERR_BAD_STATE',
      /no stage can follow addSink/,
    )
    throwsCode(
      () =>
        new PipelineBuilder().addSource([[1]]).pathVariants(
          () => [0],
          [
            (path) =>
              path
                .to(workers({ count: 1 }))
                .aggregate(2)
                .disaggregate(),
          ],
          { batched: true },
        ),
      'ERR_BAD_OPTION',
      /free of aggregate/,
    )
  })

  it('is needed for aggregators and routers by reference', () => {
    const source = new PipelineBuilder().addSource([1])
    throwsCode(
      () => source.aggregate(ops.byParity),
      'ERR_BAD_OPTION',
      /byParity of .*only in a region/,
    )
    throwsCode(
      () => source.pathVariants(ops.parity, [(path) => path.pipe((n) => n)]),
      'ERR_BAD_OPTION',
      /parity of .*only in a region/,
    )
  })

  it('refuses task hooks, which cannot be called in a worker, and takes those of stages', () => {
    const builder = region()
      .pipe(ops.inc)
      .to(MAIN)
      .pipe((n) => n)
    throwsCode(
      () => builder.build({ hooks: [{ onTaskStart: () => {} }] }),
      'ERR_BAD_OPTION',
      /stage "inc" \(.*builder\.test\.ts:\d+\) runs in the workers of a region/,
    )
    builder.build({ hooks: [{ onStageStart: () => {} }] })
    builder.build({ hooks: ({ name }) => (name === 'inc' ? [] : [{ onTaskStart: () => {} }]) })
  })

  it('is part of the configuration, and prints with its stages', () => {
    const builder = region().pipe(ops.inc).aggregate(2).to(MAIN).disaggregate()
    const config = builder.getConfig()
    assert.deepEqual(
      config.stages.map(({ kind, name }) => [kind, name]),
      [
        ['region', 'region(inc+aggregate(2))'],
        ['pipe', 'disaggregate'],
      ],
    )
    assert.ok(Object.isFrozen(config.stages[0]))
    assert.match(
      String(config),
      /Region\(2 threads, outputOrder: completion, buffer: 2\).*\n {2}pipe\(inc, .*op: inc of file:/,
    )
    assert.match(String(builder), /Region\(2 threads/)
    assert.match(String(region().pipe(ops.inc)), /to\(2 workers\)\n {4}pipe\(inc/)
  })

  it('that is open at the end is closed there: in builders, merges and paths', () => {
    const open = region().pipe(ops.inc)
    assert.equal(open.getConfig().stages[0]?.kind, 'region')
    assert.equal(open.addSink().getConfig().stages.length, 1)
    assert.ok(String(merge(open, open).getConfig()).includes('Region(2 threads'))
    const variants = new PipelineBuilder()
      .addSource([1])
      .pathVariants(() => 0, [(path) => path.to(workers({ count: 1 })).pipe(ops.inc)])
    assert.match(String(variants), /Region\(1 thread,/)
  })
})
