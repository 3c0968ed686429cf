import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { runChild } from '../../support/child.ts'

const fixtures = import.meta.resolve('./fixtures/never-ends.js')

// One program for all placements: in each of them one call is never settled, and nothing else is
// left to run.
const program = `
  import { iterateInProcess, iterateInWorker, MAIN, PipelineBuilder, ProcessPool, runPipelineInProcess, runPipelineInWorker, ThreadPool, workerModule, workers } from 'spindle'
  const href = ${JSON.stringify(fixtures)}
  const ops = workerModule(href)
  const numbers = () => new PipelineBuilder().addSource(Array.from({ length: 20 }, (_, i) => i))
  // A pool for each: a call that never ends may keep its worker from others.
  const threads = () => new ThreadPool({ size: 2 })
  const processes = () => new ProcessPool({ size: 2 })
  const inRegion = (kind) => numbers().to(workers({ count: 2, kind })).pipe(ops.load, { concurrency: 20 }).pipe(ops.plus).to(MAIN).build()
  const runs = {
    thread: numbers().pipe(ops.load, { executor: threads(), concurrency: 4 }).build(),
    process: numbers().pipe(ops.load, { executor: processes(), concurrency: 4 }).build(),
    'generator in a thread': numbers().pipe(ops.twice, { executor: threads(), concurrency: 2 }).build(),
    'generator in a process': numbers().pipe(ops.twice, { executor: processes(), concurrency: 2 }).build(),
    'region of threads': inRegion('thread'),
    'region of processes': inRegion('process'),
    'pipeline in a worker': runPipelineInWorker(href, { export: 'pipeline' }),
    'pipeline in a process': runPipelineInProcess(href, { export: 'pipeline' }),
    'iterable in a worker': iterateInWorker(href, { export: 'items7' }),
    'iterable in a process': iterateInProcess(href, { export: 'items7' }),
    'init in a process': numbers().pipe(ops.plus, { executor: new ProcessPool({ size: 1, init: ops.init }) }).build(),
  }
  const seen = {}
  const consume = async (name, items) => {
    let count = 0
    try {
      for await (const item of items) count++
      seen[name] = { count, code: 'ended' }
    } catch (error) {
      seen[name] = { count, code: error.code, message: error.message }
    }
  }
  for (const [name, items] of Object.entries(runs)) consume(name, items)
  process.on('exit', () => console.log(JSON.stringify(seen)))
`

interface Seen {
  readonly count: number
  readonly code: string
  readonly message: string
}

describe('a call elsewhere that is never settled, where nothing else is left to run', () => {
  let seen: { readonly [name: string]: Seen } = {}
  before(async () => {
    const { stdout, stderr, code } = await runChild(program)
    assert.equal(code, 0, stderr)
    seen = JSON.parse(stdout)
  })

  const places: { readonly [name: string]: readonly [count: number, RegExp] } = {
    thread: [19, /stage "load" \(.*\) has not finished item 7\b/],
    process: [19, /stage "load" \(.*\) has not finished item 7\b/],
    'generator in a thread': [39, /stage "twice" \(.*\) has not finished item 7\b/],
    'generator in a process': [39, /stage "twice" \(.*\) has not finished item 7\b/],
    'region of threads': [19, /stage "load" \(.*\) has not finished item 7\b/],
    'region of processes': [19, /stage "load" \(.*\) has not finished item 7\b/],
    'pipeline in a worker': [7, /stage "load" \(.*\) has not finished item 7\b/],
    'pipeline in a process': [7, /stage "load" \(.*\) has not finished item 7\b/],
    'iterable in a worker': [7, /"items7" has not given its next item/],
    'iterable in a process': [7, /"items7" has not given its next item/],
  }
  for (const [name, [count, message]] of Object.entries(places)) {
    it(`rejects the consumer, which has had all other items: ${name}`, () => {
      assert.equal(seen[name]?.code, 'ERR_UNFINISHED', JSON.stringify(seen[name]))
      assert.match(seen[name].message, message)
      assert.equal(seen[name].count, count)
    })
  }

  it('fails the stage where it is the `init` of a process', () => {
    assert.equal(seen['init in a process']?.code, 'ERR_PIPELINE_FAILED')
    assert.match(seen['init in a process'].message, /its `init`, has not ended/)
  })
})
