import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChild } from '../support/child.ts'

const ops = `data:text/javascript,${encodeURIComponent(`
  class Point { constructor(x) { this.x = x } length() { return this.x } }
  export const point = (n) => new Point(n)
  export const points = (n) => [new Point(n)]
  export const same = (n) => n
`)}`

const outcomeOf = (stage: string, items = '[1, 2, 3]') =>
  runChild(`
    import { PipelineBuilder, ProcessPool, workerModule, workers } from 'spindle'
    const ops = workerModule(${JSON.stringify(ops)})
    const executor = new ProcessPool({ size: 1 })
    class Own { n = 1; double() { return 2 } }
    const builder = new PipelineBuilder().addSource(${items})
    await builder${stage}.build().forEach(() => {})
    await executor.close()
  `)

describe('an object that loses its methods on its way to another thread or process', () => {
  for (const [way, stage, items, name] of [
    [
      'as the result of an op in threads',
      '.pipe(ops.point, { concurrency: 4 })',
      undefined,
      'Point',
    ],
    ['as the result of an op in a process', '.pipe(ops.points, { executor })', undefined, 'Point'],
    ['from a region', '.to(workers({ count: 2 })).pipe(ops.point)', undefined, 'Point'],
    ['as an item', '.pipe(ops.same)', '[{ own: new Own() }, new Own()]', 'Own'],
  ] as const)
    it(`is warned of once: ${way}`, async () => {
      const { code, stderr } = await outcomeOf(stage, items)
      assert.equal(code, 0, stderr)
      assert.match(stderr, new RegExp(`SPINDLE_METHODS_LOST.*class ${name} .*without its methods`))
      assert.equal(stderr.match(/METHODS_LOST/g)?.length, 1, stderr)
    })

  it('is not warned of for plain data and classes that cloning keeps', async () => {
    const items =
      '[{ a: new Uint8Array(3), b: Buffer.from("x"), d: new Date(), m: new Map(), e: new RangeError("e"), n: Object.create(null) }, [[1]], new Set()]'
    assert.equal((await outcomeOf('.pipe(ops.same)', items)).stderr, '')
  })
})
