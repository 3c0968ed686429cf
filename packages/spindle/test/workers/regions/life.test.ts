import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, workers } from 'spindle'
import { runChild } from '../../support/child.ts'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { kinds, ops } from './support.ts'

for (const kind of kinds) {
  describe(`stopping a region of ${kind === 'thread' ? 'threads' : 'processes'}`, () => {
    const begin = () =>
      new PipelineBuilder()
        .addSource(range(1000))
        .to(workers({ count: 2, kind }))
        .pipe(ops.untilAborted, { concurrency: 2 })
        .build()

    it('aborts what its ops are at', async () => {
      const pipeline = begin()
      await pipeline.getItem()
      await pipeline.stop()
      await pipeline.done
      const reason = new Error('no more')
      const controller = new AbortController()
      const aborted = new PipelineBuilder()
        .addSource(range(1000))
        .to(workers({ count: 1, kind }))
        .pipe(ops.untilAborted, { concurrency: 2 })
        .build({ signal: controller.signal })
      await aborted.getItem()
      const rest = collect(aborted)
      controller.abort(reason)
      await assert.rejects(rest, (error) => error === reason)
    })

    it('leaves an op that never ends behind', async () => {
      const pipeline = new PipelineBuilder()
        .addSource([1])
        .to(workers({ count: 1, kind }))
        .pipe(ops.spin)
        .build()
      pipeline.start()
      await new Promise((resolve) => setTimeout(resolve, 50))
      await pipeline.stop()
      await pipeline.done
    })

    it('drains what was pulled', async () => {
      let pulled = 0
      const source = function* () {
        while (pulled < 1000) yield pulled++
      }
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .to(workers({ count: 2, kind, outputOrder: 'input' }))
        .pipe(ops.late, { concurrency: 2 })
        .aggregate(1)
        .build()
      const first = await pipeline.getItem()
      await pipeline.stop({ mode: 'drain' })
      const rest = await collect(pipeline)
      const all = [...(first.value ?? []), ...rest.flat()]
      assert.deepEqual(all, range(pulled))
    })

    it('discards what is under way', async () => {
      const pipeline = new PipelineBuilder()
        .addSource(range(20).map((n) => ({ n, ms: 20 })))
        .to(workers({ count: 1, kind }))
        .pipe(ops.takes)
        .build()
      await pipeline.getItem()
      await pipeline.stop({ mode: 'discard' })
      await pipeline.done
    })
  })
}

describe('the process', () => {
  const fixture = JSON.stringify(import.meta.resolve('./fixtures/ops.js'))
  const program = (kind: string, rest: string) => `
    import { PipelineBuilder, workerModule, workers } from 'spindle'
    const ops = workerModule(${fixture})
    const pipeline = new PipelineBuilder().addSource(Array.from({ length: 200 }, (_, n) => n))
      .to(workers({ count: 2, kind: '${kind}' })).pipe(ops.late, { concurrency: 2 }).aggregate(7).build()
    ${rest}`

  for (const kind of kinds) {
    it(`lives while a region (${kind}) is waited for, and ends after it`, async () => {
      const result = await runChild(
        program(
          kind,
          'let n = 0; pipeline.forEach((batch) => { n += batch.length }).then(() => console.log(n))',
        ),
      )
      assert.deepEqual([result.code, result.stdout.trim()], [0, '200'], result.stderr)
    })

    it(`ends with a region (${kind}) that is forgotten`, async () => {
      const result = await runChild(program(kind, 'await pipeline.getItem(); console.log("left")'))
      assert.deepEqual([result.code, result.stdout.trim()], [0, 'left'], result.stderr)
      assert.match(result.stderr, /SPINDLE_UNFINISHED/)
    })

    it(`may exit in the middle of a region (${kind})`, async () => {
      const result = await runChild(
        program(kind, 'pipeline.forEach(() => {}); setTimeout(() => process.exit(7), 300)'),
      )
      assert.equal(result.code, 7, result.stderr)
    })
  }

  it('that is killed leaves no worker behind', {
    skip: process.platform !== 'linux' && 'no /proc here',
  }, async () => {
    const result = await runChild(
      program(
        'process',
        `const { readdirSync, readFileSync } = await import('node:fs')
         const parentOf = (pid) => { try { return Number(readFileSync('/proc/' + pid + '/stat', 'latin1').split(') ')[1].split(' ')[1]) } catch {} }
         pipeline.start()
         await new Promise((resolve) => setTimeout(resolve, 1500))
         console.log(readdirSync('/proc').filter((name) => Number(name) > 0 && parentOf(name) === process.pid).join(' '))
         process.kill(process.pid, 'SIGKILL')`,
      ),
    )
    assert.equal(result.signal, 'SIGKILL')
    const pids = result.stdout.trim().split(' ').map(Number)
    const isThere = (pid: number): boolean => {
      try {
        process.kill(pid, 0)
        return true
      } catch {
        return false
      }
    }
    const limit = performance.now() + 5000
    while (pids.some(isThere) && performance.now() < limit)
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(pids.filter(isThere), [])
    assert.ok(pids.length >= 2, result.stdout)
  })
})
