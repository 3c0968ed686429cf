import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { runChild } from '../../support/child.ts'

// One process for all of them: each pipeline waits for something that never comes, and hears so
// when the process has nothing left to do.
const module = `
  import { merge, PipelineBuilder } from 'spindle'
  const never = () => new Promise(() => {})
  const at7 = (item) => (item === 7 ? never() : item)
  const numbers = () => new PipelineBuilder().addSource(Array.from({ length: 20 }, (_, i) => i))
  const stage = (op, options, build) => numbers().pipe(op, { name: 'op', ...options }).build(build)
  const pipelines = {
    promise: stage(at7),
    concurrent: stage((item) => (item >= 7 ? never() : item), { concurrency: 3 }),
    ordered: stage(at7, { outputOrder: 'input', concurrency: 4 }),
    attempts: stage(at7, { retry: 2 }),
    thenable: stage((item) => (item === 7 ? { then() {} } : item)),
    generator: stage(async function* (item) { yield item; if (item === 7) await never() }, { concurrency: 2 }),
    source: new PipelineBuilder().addSource(async function* () { yield 0; await never() }).build(),
    element: new PipelineBuilder().addSource([0, 1, never(), 3]).build(),
    aggregator: numbers().aggregate(() => ({ accumulate: at7, flush: () => [] })).build(),
    flush: numbers().aggregate(() => ({ accumulate: () => undefined, flush: never })).build(),
    merge: merge(numbers(), { name: 'op', op: async function* ([input]) { for await (const item of input) yield await at7(item) } }).build(),
    upstream: merge(numbers().pipe(at7, { name: 'op' }), { op: async function* ([input]) { yield* input } }).build(),
    router: numbers().pathVariants((item) => (item === 7 ? never() : 0), [(path) => path.pipe((item) => item)], { name: 'op' }).build(),
    path: numbers().pathVariants(() => 0, [(path) => path.pipe(at7, { name: 'op' })]).build(),
    letter: stage((item) => { if (item === 7) throw new Error('bad'); return item }, { maxFailures: 1 }, { deadLetter: never }),
    stageStart: stage((item) => item, {}, { hooks: [{ onStageStart: never }] }),
    taskEnd: stage((item) => item, {}, { hooks: [{ onTaskEnd: ({ index }) => at7(index) }] }),
    stageEnd: stage((item) => item, {}, { hooks: [{ onStageEnd: never }] }),
  }
  const seen = {}
  for (const [name, pipeline] of Object.entries(pipelines)) {
    const tell = (how) => (error) => (seen[name] = { how, code: error?.code, message: error?.message, pending: error?.pending?.map(({ stage, items }) => ({ stage, items })), last: seen[name]?.last })
    pipeline.forEach((item) => { (seen[name] ??= {}).last = item }).then(tell('ended'), tell('rejected'))
    pipeline.done.catch((error) => { (seen[name] ??= {}).done = error.code })
  }
  process.on('exit', () => console.log(JSON.stringify(seen)))
`

interface Seen {
  readonly how: string
  readonly code: string
  readonly message: string
  readonly pending: readonly { readonly stage: string; readonly items: readonly string[] }[]
}

describe('a consumer of a pipeline that can never end hears so when the process has nothing left to do', () => {
  let seen: { readonly [name: string]: Seen } = {}
  let stderr = ''
  before(async () => {
    const result = await runChild(module)
    assert.equal(result.code, 0, result.stderr)
    stderr = result.stderr
    seen = JSON.parse(result.stdout)
  })

  const places: {
    readonly [name: string]: readonly [stage: string, items: readonly string[], RegExp]
  } = {
    promise: ['op', ['7'], /stage "op" \(.*\) has not finished item 7\b/],
    concurrent: ['op', ['7', '8', '9'], /has not finished items 7, 8, 9\b/],
    ordered: ['op', ['7'], /has not finished item 7\b/],
    attempts: ['op', ['7'], /has not finished item 7\b/],
    thenable: ['op', ['7'], /has not finished item 7\b/],
    generator: ['op', ['7'], /has not finished item 7\b/],
    source: ['source', ['1'], /stage "source" .*has not given item 1\b/],
    element: ['source', ['2'], /has not given item 2\b/],
    aggregator: ['aggregate(aggregator)', ['7'], /has not finished item 7\b/],
    flush: ['aggregate(aggregator)', ['the last batch'], /has not finished the last batch\b/],
    merge: ['op', [], /has not given output 7\b/],
    upstream: ['op', ['7'], /has not finished item 7\b/],
    router: ['op', ['7'], /has not chosen the path of item 7\b/],
    path: ['op', ['7'], /has not finished item 7\b/],
    letter: ['op', ['7'], /has a dead letter, of item 7, that is not answered/],
    stageStart: ['op', [], /has not finished its hook onStageStart/],
    taskEnd: ['op', ['7'], /has not finished item 7\b/],
    stageEnd: ['op', [], /has not finished its hook onStageEnd/],
  }
  for (const [name, [stage, items, message]] of Object.entries(places)) {
    it(`with the stage and the items, and rejects: ${name}`, () => {
      const one = seen[name]
      assert.equal(one?.how, 'rejected', JSON.stringify(one))
      assert.equal(one.code, 'ERR_UNFINISHED')
      assert.deepEqual(one.pending, [{ stage, items }])
      assert.match(one.message, message)
    })
  }

  it('without a warning besides', () => {
    assert.equal(stderr, '')
  })
})

describe('a forgotten pipeline', () => {
  it('is warned of with what it waits for, its name made plain', async () => {
    const { code, stderr } = await runChild(`
      import { PipelineBuilder } from 'spindle'
      const pipeline = new PipelineBuilder().addSource([1, 2]).pipe(() => new Promise(() => {}), { name: 'a\\x1b[2Jb\\rc' }).build()
      pipeline.start()
    `)
    assert.equal(code, 0)
    assert.match(stderr, /SPINDLE_UNFINISHED.*stage "ab c" \(.*\) has not finished item 0/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is looked at
    assert.doesNotMatch(stderr, /[\x1b\r]/)
  })

  it('is warned of while a drain waits for a call that never ends', async () => {
    const { code, stdout, stderr } = await runChild(`
      import { PipelineBuilder } from 'spindle'
      const pipeline = new PipelineBuilder().addSource([1, 2]).pipe(() => new Promise(() => {}), { name: 'op' }).build()
      pipeline.start()
      setImmediate(() => pipeline.stop({ mode: 'drain' }).then(() => console.log('drained')))
    `)
    assert.equal(code, 0)
    assert.equal(stdout, '')
    assert.match(stderr, /SPINDLE_UNFINISHED.*stage "op" \(.*\) has not finished item 0/)
  })

  it('is warned of when it was built and never started, unless it was stopped', async () => {
    const { code, stdout, stderr } = await runChild(`
      import { PipelineBuilder } from 'spindle'
      const build = (options) => new PipelineBuilder().addSource([1, 2]).build(options)
      await build().stop()
      build({ signal: AbortSignal.abort() }).done.catch(() => {})
      const consumed = build()
      consumed.done.then(() => console.log('consumed'))
      await consumed.forEach(() => {})
      build().done.then(() => console.log('never'))
    `)
    assert.equal(code, 0)
    assert.equal(stdout, 'consumed\n')
    assert.match(
      stderr,
      /SPINDLE_UNFINISHED.*A pipeline \(made at .*\) was built but never consumed/,
    )
    assert.equal(stderr.match(/SPINDLE_UNFINISHED/g)?.length, 1)
  })
})
