import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  iterateInProcess,
  iterateInWorker,
  type PipelineFailure,
  type RemotePipeline,
  type RemotePipelineOptions,
  runPipelineInProcess,
  runPipelineInWorker,
} from 'spindle'
import {
  crossing,
  type keeping,
  refused,
  thrown,
  type viewsOfOne,
} from '../calls/fixtures/hostile.ts'
import { attempt, take, type Way } from './support.ts'

const href = import.meta.resolve('./fixtures/hostile-loaders.js')

type Start = <T>(name: string, options?: RemotePipelineOptions) => RemotePipeline<T>
const starting =
  (start: typeof runPipelineInWorker | typeof iterateInWorker, suffix = ''): Start =>
  (name, options) =>
    start(href, { export: `${name}${suffix}`, ...options })

const forms: readonly (readonly [string, Start, Way])[] = [
  ['a pipeline in a thread', starting(runPipelineInWorker), 'for'],
  ['a pipeline in a process', starting(runPipelineInProcess), 'for await'],
  ['an iterable in a thread', starting(iterateInWorker, 'Items'), 'for await'],
  ['an iterable in a process', starting(iterateInProcess, 'Items'), 'for'],
]

for (const [i, [form, start, way]] of forms.entries()) {
  describe(`values that have code of their own, from ${form}, by ${way}`, () => {
    it('that cannot cross fail it after the items before them, and are named', async () => {
      // Each needs a worker of its own, so the forms share them.
      const names = Object.keys(refused).filter((_, at) => at % 7 === i)
      for (const name of names) {
        const { given, error } = await attempt(start('refusing', { args: { name } }), way)
        assert.deepEqual(given, ['before'], name)
        assert.equal((error as PipelineFailure).code, 'ERR_NOT_TRANSFERABLE', `${name}: ${error}`)
        assert.match((error as Error).message, refused[name]?.says as RegExp)
      }
    })

    it('cross where cloning can do it, as cloning does', async () => {
      await using loader = start<unknown>('all')
      const values = await take(loader, way)
      for (const [at, name] of Object.keys(crossing).entries())
        assert.ok(crossing[name]?.check(values[at] as never), `${name}, from ${form}`)
      const { bytes, words } = values.at(-1) as ReturnType<typeof viewsOfOne>
      words.fill(0x02020202)
      assert.equal(bytes[9], 2)
    })

    it('stay the module’s own where it keeps them', async () => {
      await using loader = start<ReturnType<typeof keeping>>('kept')
      for (const [at, value] of (await take(loader, way)).entries()) {
        assert.equal(value.sum, 200_020)
        assert.deepEqual([value.table[2], value.largeTable[0], value.part[1]], [30, 10, 10])
        assert.equal(value.last[9], at + 1)
      }
    })
  })
}

it('arguments that cannot cross are refused before anything is started', () => {
  for (const start of [runPipelineInWorker, runPipelineInProcess])
    for (const name of Object.keys(refused))
      assert.throws(
        () => start(href, { args: refused[name]?.make() }),
        { code: 'ERR_NOT_TRANSFERABLE', message: /^options cannot cross to another/ },
        name,
      )
})

for (const [place, start] of [
  ['a thread', starting(runPipelineInWorker)],
  ['a process', starting(runPipelineInProcess)],
] as const) {
  it(`errors that have code of their own are told by a pipeline in ${place} as they were thrown`, async () => {
    const names = Object.keys(thrown)
    await using loader = start<string>('failing', { build: { maxFailures: names.length } })
    assert.deepEqual(await take(loader, 'for await'), ['value'])
    const { failures } = await loader.report()
    for (const { index, error } of failures) {
      const name = names[index] as string
      assert.ok(thrown[name]?.check(error as never), `${name}, from ${place}`)
    }
    assert.ok(failures.length >= 16)
    for (const name of ['an error whose fields cannot be read', 'undefined']) {
      const { error } = await attempt(start('failed', { args: { name } }), 'for')
      assert.equal((error as PipelineFailure).code, 'ERR_PIPELINE_FAILED')
      assert.ok(thrown[name]?.check((error as PipelineFailure).errors[0]?.cause as never), name)
    }
  })
}
