import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { PipelineBuilder, ProcessPool, workerModule } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { call, ops } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-processes-'))
after(() => rmSync(folder, { recursive: true }))

describe('ProcessPool', () => {
  it('runs ops in processes of its own, as many as there is work for', async () => {
    await using pool = new ProcessPool({ size: 2 })
    assert.equal(pool.processCount, 0)
    const log = join(folder, 'pids')
    const pids = await Promise.all(
      [...range(2)].map(() => pool.run({ log, count: 2 }, call('meet'))),
    )
    assert.equal(new Set(pids).size, 2)
    assert.ok(!pids.includes(process.pid))
    assert.equal(pool.processCount, 2)
  })

  it('gives in either order what it gives on the loop, random numbers included', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const { draw } = await import('./fixtures/ops.ts')
    const source = () => new PipelineBuilder().addSource(range(200))
    const here = await collect(source().pipe(draw, { name: 'draw' }).build({ seed: 5 }))
    for (const outputOrder of ['completion', 'input'] as const) {
      const there = await collect(
        source().pipe(ops.draw, { executor: pool, concurrency: 6, outputOrder }).build({ seed: 5 }),
      )
      assert.deepEqual(
        there.sort((a, b) => a[0] - b[0]),
        here,
      )
    }
  })

  it('passes values as structured cloning does, and large buffers whole', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const small = {
      at: new Date(5),
      map: new Map([[1, new Set(['a'])]]),
      big: 10n,
      none: undefined,
      hole: null,
    }
    assert.deepEqual(await pool.run(small, call('same')), small)
    for (const size of [0, 100, 20_000, 300_000, 5_000_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251)
      const item = {
        list: [bytes, { view: new Float32Array(bytes.buffer.slice(0, size - (size % 4))) }],
        buffer: bytes.buffer,
      }
      const back = (await pool.run(item, call('same'))) as typeof item
      assert.deepEqual(back, item)
      assert.equal(bytes.byteLength, size)
    }
    const slice = new Uint8Array(1 << 20).subarray(1000, 21_000)
    assert.equal(await pool.run(slice, call('sizeBehind')), 20_000)
    assert.ok(pool.stats().copiedBytes > 10_000_000)
    assert.equal(pool.stats().transferredBytes, 0)
  })

  it('keeps many large buffers in flight apart', async () => {
    await using pool = new ProcessPool({ size: 2 })
    const pipeline = new PipelineBuilder()
      .addSource(range(120))
      .pipe(ops.filled, { executor: pool, concurrency: 16, outputOrder: 'input' })
      .pipe(ops.check, { executor: pool, concurrency: 16, outputOrder: 'input' })
      .build()
    assert.deepEqual(await collect(pipeline), [...range(120)])
  })

  it('streams the outputs of generators', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const large = await pool.run(40, call('manyFilled'))
    let n = 0
    for await (const bytes of large as AsyncIterable<Uint8Array>) {
      assert.equal(bytes.byteLength, 100_000)
      assert.ok(bytes.every((byte) => byte === n))
      n++
    }
    assert.equal(n, 40)
  })

  it('does not pass shared memory: the error names the field', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const shared = new SharedArrayBuffer(8)
    for (const [item, path] of [
      [{ a: [1, { b: shared }] }, /item\.a\[1\]\.b is shared memory/],
      [{ a: new Uint8Array(shared) }, /item\.a is shared memory/],
      [new Map([['k', shared]]), /item\.get\('k'\) is shared memory/],
      [{ f: () => {} }, /item\.f is function f/],
    ] as const) {
      await assert.rejects(pool.run(item, call('same')), {
        code: 'ERR_NOT_TRANSFERABLE',
        message: path,
      })
    }
    await assert.rejects(pool.run(0, call('giveFunction')), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /result\.meta\.list\[1\].* another process|another process: result\.meta\.list\[1\]/,
    })
    assert.equal(await pool.run(2, call('double')), 4)
  })

  it('passes errors with code, fields, causes and both stacks', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const error = (await pool.run(7, call('fail')).catch((caught) => caught)) as Error &
      Record<string, unknown>
    assert.equal(error.name, 'Unreadable')
    assert.equal(error.code, 'E_UNREADABLE')
    assert.ok(error.cause instanceof RangeError)
    assert.match(String(error.stack), /fixtures\/ops\.ts[\s\S]*process-pool\.test\.ts/)
  })

  it('stops an aborted call that looks at its signal, and keeps the process', async () => {
    await using pool = new ProcessPool({ size: 1 })
    const before = await pool.run(0, call('pid'))
    const controller = new AbortController()
    let hasStarted: () => void = () => {}
    const started = new Promise<void>((resolve) => {
      hasStarted = resolve
    })
    const running = pool.run(0, { ...call('spin', controller.signal), onStart: () => hasStarted() })
    await started
    controller.abort()
    await assert.rejects(running, { name: 'AbortError' })
    assert.equal(await pool.run(0, call('pid')), before)
  })

  it('starts its processes with the given arguments and environment', async () => {
    const env = { ...process.env, SPINDLE_TEST: 'yes' }
    await using pool = new ProcessPool({
      size: 1,
      env,
      execArgv: [...process.execArgv, '--title=spindle-test'],
    })
    assert.deepEqual(await pool.run(0, call('surroundings')), { env: 'yes', title: 'spindle-test' })
  })

  it('sets each process up before it is used, and rejects with ERR_WORKER_START if that fails', async () => {
    await using pool = new ProcessPool({ size: 1, init: ops.setUp as never })
    assert.equal(await pool.run(0, call('setUps')), 1)
    await using failing = new ProcessPool({
      size: 1,
      init: workerModule<{ no(): never }>(ops.double.href).no as never,
    })
    await assert.rejects(failing.run(0, call('setUps')), {
      code: 'ERR_WORKER_START',
      message: /process.*no export no/,
    })
  })

  it('replaces a process after so many items, and loses none', async () => {
    await using pool = new ProcessPool({ size: 1, recycle: { afterItems: 5 } })
    const pids = (await Promise.all(
      [...range(12)].map((n) => pool.run(n, call('pid'))),
    )) as number[]
    const counts = new Map<number, number>()
    for (const pid of pids) counts.set(pid, (counts.get(pid) ?? 0) + 1)
    assert.deepEqual([...counts.values()], [5, 5, 2])
    assert.equal(pool.stats().deaths, 0)
  })

  it('checks its options', () => {
    for (const options of [
      { size: 0 },
      { resourceLimits: {} },
      { execArgv: 'x' as never },
      { env: 1 as never },
    ])
      assert.throws(() => new ProcessPool(options as never), { code: 'ERR_BAD_OPTION' })
  })
})
