import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  type Executor,
  iterateInProcess,
  iterateInWorker,
  MAIN,
  PipelineBuilder,
  ProcessPool,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import { collect } from '../../support/consume.ts'
import type * as Ops from './fixtures/arguments/ops.ts'

const href = import.meta.resolve('./fixtures/arguments/ops.js')
const ops = workerModule<typeof Ops>(href)
const numbers = (count: number) =>
  new PipelineBuilder().addSource(Array.from({ length: count }, (_, n) => n))
const kinds = ['thread', 'process'] as const
const poolOf = (kind: 'thread' | 'process', options: object) =>
  kind === 'thread' ? new ThreadPool(options) : new ProcessPool(options)

describe('bound values of an op', () => {
  const bound = ops.scale.with({ factor: 10 }, 1)

  for (const kind of kinds) {
    it(`follow the item in a pool and in a region (${kind}); the context comes last where the function takes it`, async () => {
      await using executor = poolOf(kind, { size: 1 })
      const inPool = numbers(3)
        .pipe(bound, { executor })
        .pipe(ops.scaleWithContext.with({ factor: 2 }), { executor, name: 'twice' })
        .pipe(ops.countArguments.with('a', 'b'), { executor, name: 'count' })
      const contexts = numbers(2).pipe(ops.scaleWithContext.with({ factor: 2 }), {
        executor,
        name: 'twice',
      })
      assert.deepEqual(await collect(inPool.build()), [3, 3, 3])
      assert.deepEqual(await collect(contexts.build()), ['0 at 0 of twice', '2 at 1 of twice'])
      const inRegion = numbers(4)
        .to(workers({ count: 1, kind, outputOrder: 'input' }))
        .pipe(bound)
        .pipe(ops.repeat.with(2))
        .aggregate(ops.makeSum.with(4))
        .to(MAIN)
      assert.deepEqual(await collect(inRegion.build()), [1 + 1 + 11 + 11, 21 + 21 + 31 + 31])
    })

    it(`are sent once to each worker (${kind}), and are those of the time when they were bound`, async () => {
      await using executor = poolOf(kind, { size: 1 })
      const options = { factor: 10 }
      const early = ops.scale.with(options, 0)
      options.factor = 99
      assert.deepEqual(await collect(numbers(2).pipe(early, { executor }).build()), [0, 10])
      const given = await collect(
        numbers(20)
          .pipe(ops.remember.with({ a: 1 }), { executor })
          .build(),
      )
      assert.equal(given.at(-1)?.seen, 1)
    })
  }

  it('go to the router of a region, and to the functions of a DataLoader by reference in every placement', async () => {
    const routed = numbers(6)
      .to(workers({ count: 1 }))
      .pathVariants(ops.route.with(2), [
        (path) => path.pipe(ops.scale.with({ factor: 1 }, 0)),
        (path) => path.pipe(ops.scale.with({ factor: -1 }, 0)),
      ])
    assert.deepEqual(
      (await collect(routed.build())).sort((a, b) => a - b),
      [-5, -3, -1, 0, 2, 4],
    )
    for (const placement of ['inline', 'threads', 'worker'] as const) {
      await using loader = new DataLoader([1, 2], {
        preprocess: bound,
        batchSize: 2,
        outputOrder: 'input',
        placement,
      })
      assert.deepEqual(await collect(loader), [[11, 21]], placement)
    }
  })

  it('make another op, which is frozen and tells its values', () => {
    assert.notEqual(bound, ops.scale)
    assert.ok(Object.isFrozen(bound) && Object.isFrozen(bound.bound))
    assert.deepEqual(bound.bound, [{ factor: 10 }, 1])
    assert.equal(ops.scale.bound, undefined)
    assert.throws(() => (bound as unknown as { with(x: number): unknown }).with(1), {
      code: 'ERR_BAD_STATE',
      message: /scale.*all of them in one call/,
    })
  })

  it('that cannot cross are refused when they are bound, or when a process would need them', async () => {
    const withFunction = ops.remember.with as (value: object) => unknown
    assert.throws(() => withFunction.call(ops.remember, { deep: [() => 1] }), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /remember\.with\(\).*deep\[0\] is a function/,
    })
    await using executor = new ProcessPool({ size: 1 })
    const shared = ops.remember.with(new Uint8Array(new SharedArrayBuffer(4)))
    await assert.rejects(collect(numbers(1).pipe(shared, { executor }).build()), /shared memory/)
    assert.throws(() => new ProcessPool({ init: ops.load, initArgs: new SharedArrayBuffer(4) }), {
      code: 'ERR_NOT_TRANSFERABLE',
    })
  })

  it('are refused with an executor that would not pass them on', () => {
    const executor: Executor = { run: async (item) => item }
    assert.throws(() => numbers(1).pipe(bound, { executor }), {
      code: 'ERR_BAD_OPTION',
      message: /`executor`.*bindsValues/,
    })
    numbers(1).pipe(bound, { executor: { ...executor, bindsValues: true } })
  })
})

describe('initArgs', () => {
  const initArgs = { path: 'm.onnx', size: 224 }
  const withArgs = workerModule<typeof Ops>(href, { init: 'load', initArgs })
  const expected = { model: initArgs, calls: 1 }

  for (const kind of kinds) {
    it(`reach init of the module, of the pool and of the region once a worker (${kind})`, async () => {
      await using executor = poolOf(kind, { size: 1 })
      const ofModule = numbers(4).pipe(withArgs.loaded, { executor, concurrency: 2 })
      assert.deepEqual(await collect(ofModule.build()), Array(4).fill(expected))
      await using pool = poolOf(kind, { size: 1, init: ops.load, initArgs })
      assert.deepEqual(await collect(numbers(2).pipe(ops.loaded, { executor: pool }).build()), [
        expected,
        expected,
      ])
      const inRegion = numbers(1)
        .to(workers({ count: 1, kind, init: ops.load, initArgs }))
        .pipe(ops.loaded)
      assert.deepEqual(await collect(inRegion.build()), [expected])
      const byModule = numbers(1)
        .to(workers({ count: 1, kind }))
        .pipe(withArgs.loaded)
      assert.deepEqual(await collect(byModule.build()), [expected])
    })

    it(`of init that throws fail the pipeline at once (${kind})`, async () => {
      const failing = workerModule<typeof Ops>(href, {
        init: 'failToLoad',
        initArgs: { reason: 'no licence' },
      })
      await using executor = poolOf(kind, { size: 1 })
      await using pool = poolOf(kind, { init: ops.failToLoad, initArgs: { reason: 'no licence' } })
      for (const builder of [
        numbers(1).pipe(failing.loaded, { executor, maxFailures: 9, retry: 3 }),
        numbers(1).pipe(ops.loaded, { executor: pool, maxFailures: 9, retry: 3 }),
        numbers(1)
          .to(workers({ count: 1, kind, maxFailures: 9 }))
          .pipe(failing.loaded),
      ])
        await assert.rejects(
          collect(builder.build()),
          /init function failToLoad .*: cannot: no licence/,
        )
    })
  }

  it('that are equal call init once in a worker, and once more if they differ', async () => {
    await using executor = new ThreadPool({ size: 1 })
    const again = workerModule<typeof Ops>(href, { init: 'load', initArgs: { ...initArgs } })
    const other = workerModule<typeof Ops>(href, {
      init: 'load',
      initArgs: { ...initArgs, size: 1 },
    })
    const calls: number[] = []
    for (const { loaded } of [withArgs, again, other])
      for (const { calls: count } of await collect(numbers(1).pipe(loaded, { executor }).build()))
        calls.push(count)
    assert.deepEqual(calls, [1, 1, 2])
  })

  it('reach the module of a DataLoader in every placement', async () => {
    for (const placement of ['threads', 'worker'] as const) {
      await using loader = new DataLoader([1], { preprocess: withArgs.loaded, placement })
      assert.deepEqual(
        (await collect(loader)).map(({ model }) => model),
        [initArgs],
        placement,
      )
    }
  })

  it('need an init, and must be able to cross', () => {
    const wrong = { initArgs: 1 }
    for (const make of [
      () => workerModule(href, wrong),
      () => new ThreadPool(wrong),
      () => new ProcessPool(wrong),
      () => workers({ count: 1, ...wrong }),
    ])
      assert.throws(make, { code: 'ERR_BAD_OPTION', message: /`initArgs`.*no `init`/ })
    assert.throws(() => workerModule(href, { init: 'load', initArgs: { call: () => 1 } }), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /initArgs.*initArgs\.call is/,
    })
  })
})

describe('initConcurrency', () => {
  const most = async (run: (initArgs: { folder: string }) => Promise<unknown>): Promise<number> => {
    const folder = await mkdtemp(join(tmpdir(), 'spindle-init-'))
    try {
      await run({ folder })
      const saw = (await readdir(folder)).filter((name) => name.startsWith('saw-'))
      return Math.max(...saw.map((name) => Number(name.slice(4))))
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  const items = numbers(24)

  it('bounds the workers of a pool that initialise together, by its own init or by that of a module', async () => {
    const ofPool = await most(async (initArgs) => {
      await using executor = new ThreadPool({
        size: 3,
        init: ops.crowd,
        initArgs,
        initConcurrency: 2,
      })
      await collect(items.pipe(ops.slow, { executor, concurrency: 6 }).build())
    })
    assert.ok(ofPool <= 2, `${ofPool} at a time`)
    const ofModule = await most(async (initArgs) => {
      const module = workerModule<typeof Ops>(href, { init: 'crowd', initArgs })
      await using executor = new ThreadPool({ size: 3, initConcurrency: 1 })
      await collect(items.pipe(module.slow, { executor, concurrency: 6 }).build())
    })
    assert.equal(ofModule, 1)
  })

  it('bounds the workers of a region that start together, all of which are started', async () => {
    for (const kind of ['process'] as const) {
      const together = await most(async (initArgs) => {
        const region = workers({ count: 2, kind, init: ops.crowd, initArgs, initConcurrency: 1 })
        const given = await collect(items.to(region).pipe(ops.slow).build())
        assert.equal(given.length, 24)
      })
      assert.equal(together, 1)
    }
    assert.throws(() => workers({ count: 1, initConcurrency: 0 }), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => new ThreadPool({ initConcurrency: 0.5 }), { code: 'ERR_BAD_OPTION' })
  })
})

describe('a module', () => {
  it('may be named by a URL object, for ops and for what runs elsewhere as a whole', async () => {
    const common = new URL('./fixtures/arguments/common.cjs', import.meta.url)
    const byUrl = workerModule<typeof Ops>(new URL(href))
    assert.equal(byUrl.slow.href, href)
    await using rows = iterateInWorker<number>(common, { export: 'items' })
    assert.deepEqual(await collect(rows), [5, 6])
    assert.throws(() => workerModule('./ops.js'), {
      code: 'ERR_BAD_OPTION',
      message: /`href`.*import\.meta\.resolve.*new URL.*pathToFileURL\(require\.resolve/,
    })
    assert.throws(() => iterateInWorker(new URL('https://example.org/a.js')), {
      code: 'ERR_BAD_OPTION',
    })
  })

  it('of CommonJS has its exports found where Node knows only `default`', async () => {
    const common = new URL('./fixtures/arguments/common.cjs', import.meta.url)
    const { times3 } = workerModule<{ times3(item: number): number }>(common)
    await using executor = new ThreadPool({ size: 1 })
    assert.deepEqual(await collect(numbers(3).pipe(times3, { executor }).build()), [0, 3, 6])
    assert.deepEqual(
      await collect(
        numbers(2)
          .to(workers({ count: 1 }))
          .pipe(times3)
          .build(),
      ),
      [0, 3],
    )
    await using rows = iterateInProcess<number>(common)
    assert.deepEqual(await collect(rows), [5, 6])
    const { missing } = workerModule<{ missing(item: number): number }>(common)
    await assert.rejects(
      collect(numbers(1).pipe(missing, { executor }).build()),
      /no export missing .* exports default, .*times2, times3/,
    )
  })
})
