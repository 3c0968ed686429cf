import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type RemotePipeline, type RemotePipelineOptions, runPipelineInProcess } from 'spindle'
import { runChild } from '../../support/child.ts'
import { assertCode } from '../../support/consume.ts'
import {
  attempt,
  inProcess,
  inThread,
  type Place,
  places,
  take,
  upTo,
  type Way,
  ways,
} from './support.ts'

/**
 * What came before the death is the beginning of what there is: nothing is missing in it, nothing
 * twice.
 */
async function isHeardOf(
  place: Place,
  way: Way,
  options: RemotePipelineOptions,
  message: RegExp,
): Promise<void> {
  const loader: RemotePipeline<number> = place.run('deadly', options)
  const { given, error } = await attempt(loader, way)
  assert.deepEqual(given, upTo(given.length))
  // An uncaught error comes a turn of the loop later than the item.
  const most = (options.args as { how: string }).how === 'throw' ? 300 : 37
  assert.ok(given.length <= most, `${given.length} items`)
  assertCode(error, 'ERR_WORKER_DIED', message)
  await assert.rejects(loader.done, error as Error)
  for (const again of ways) assert.equal((await attempt(loader, again)).error, error)
  await loader.stop()
}

describe('a thread that dies with its pipeline', () => {
  for (const way of ways) {
    it(`is heard of at once in a ${way}: exit, uncaught error`, async () => {
      await isHeardOf(
        inThread,
        way,
        { args: { how: 'exit' } },
        /the worker thread .*died \(exit code 3\)/,
      )
      await isHeardOf(
        inThread,
        way,
        { args: { how: 'throw', gapMs: 1 } },
        /exit code 1\): out of the blue/,
      )
    })
  }

  it('is heard of when it is out of memory', async () => {
    // In a process of its own: now and then Node ends the whole process instead of the thread,
    // which is nobody's fault here.
    const href = JSON.stringify(import.meta.resolve('./fixtures/loaders.js'))
    for (const way of ['for'] as const) {
      const { code, signal, stdout, stderr } = await runChild(`
        import { runPipelineInWorker } from 'spindle'
        const loader = runPipelineInWorker(${href}, {
          export: 'deadly', args: { how: 'memory' }, resourceLimits: { maxOldGenerationSizeMb: 40 },
        })
        const given = []
        try {
          ${way} (const n of loader) given.push(n)
        } catch ({ code }) {
          console.log(code, given.every((n, i) => n === i))
        }
        await loader.stop()
      `)
      if (signal === 'SIGABRT' || code === 134) assert.match(stderr, /heap/)
      else assert.deepEqual([code, stdout.trim()], [0, 'ERR_WORKER_DIED true'], stderr)
    }
  })
})

describe('a process that dies with its pipeline', () => {
  for (const [how, way, message] of [
    ['exit', 'for', /the process .*died \(exit code 3\)/],
    ['throw', 'for await', /exit code 1\): out of the blue/],
    ['SIGKILL', 'for', /killed by SIGKILL/],
    ['SIGKILL', 'for await', /killed by SIGKILL/],
    ['abort', 'for', /killed by SIGABRT/],
    ['memory', 'for await', /killed by SIG(ABRT|TRAP)/],
  ] as const) {
    it(`by ${how} is heard of at once in a ${way}`, async () => {
      const gapMs = how === 'throw' ? 1 : 0
      const options = { args: { how, gapMs }, resourceLimits: { maxOldGenerationSizeMb: 60 } }
      await isHeardOf(inProcess, way, options, message)
    })
  }
})

describe('a process that is killed while it starts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spindle-kills-'))
  const file = join(folder, 'left')
  const href = import.meta.resolve('./fixtures/killed-at-start.js')
  before(() => {
    process.env.SPINDLE_TEST_KILLS = file
  })
  after(() => {
    delete process.env.SPINDLE_TEST_KILLS
    rmSync(folder, { recursive: true })
  })

  for (const way of ways)
    it(`is started again, for a ${way}`, async () => {
      writeFileSync(file, '2')
      const loader = runPipelineInProcess<number>(href, { export: 'counted' })
      assert.deepEqual(await take(loader, way), [0, 1, 2])
      await loader.stop()
    })

  it('again and again is given up, and can be stopped meanwhile', async () => {
    writeFileSync(file, '9')
    const loader = runPipelineInProcess<number>(href, { export: 'counted' })
    assertCode((await attempt(loader, 'for')).error, 'ERR_WORKER_DIED', /killed by SIGKILL/)
    assert.equal(readFileSync(file, 'utf8'), '5')
    const stopped = runPipelineInProcess<number>(href, { export: 'counted' })
    stopped.start().catch(() => {})
    await stopped.stop()
    await stopped.done
  })
})

it('a continuous pipeline is heard of in the epoch in which it dies', async () => {
  const loader = inThread.run('deadly', {
    args: { count: 20, at: 19, how: 'exit', continuous: true, gapMs: 1 },
  })
  const { given, error } = await attempt(loader, 'for await')
  assert.deepEqual(given, upTo(given.length))
  assertCode(error, 'ERR_WORKER_DIED')
})

describe('a pipeline elsewhere that hangs', () => {
  it('is noticed by timeoutMs, in either way, and ended by stop()', async () => {
    const hang = async (place: Place): Promise<void> => {
      const loader = place.run('deadly', { args: { how: 'hang', at: 3, gapMs: 1 } })
      await loader.start()
      const given: number[] = []
      const items = loader.iterate({ timeoutMs: 300 })
      await assert.rejects(
        async () => {
          for (;;) given.push((await items.next()).value as number)
        },
        { code: 'ERR_TIMEOUT' },
      )
      await loader.stop({ timeoutMs: 1 })
      await loader.done
      // An item that came while the limit passed can still be taken.
      given.push(...(await take(loader, 'for')))
      assert.deepEqual(given, upTo(given.length))
      assert.ok(given.length <= 3)
      assert.deepEqual(await take(loader, 'for'), [])
    }
    await Promise.all(places.map(hang))
  })

  it('is noticed by a plain for with timeoutMs, and stop({ mode }) says that it did not answer', async () => {
    const loader = inThread.run('deadly', { args: { how: 'hang', at: 0 }, timeoutMs: 1000 })
    await loader.start()
    assert.throws(() => [...loader], { code: 'ERR_TIMEOUT' })
    await assert.rejects(loader.stop({ mode: 'discard', timeoutMs: 1 }), {
      code: 'ERR_TIMEOUT',
      message:
        /stop\(\{ mode: 'discard' \}\) took longer than `timeoutMs` 1: the worker thread .* does not answer/,
    })
  })
})
