import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  MAIN,
  merge,
  PipelineBuilder,
  profilePipeline,
  recordPipeline,
  ThreadPool,
  type TraceEvent,
  trace,
  trackCall,
  workers,
} from 'spindle'
import { collect } from './support/consume.ts'
import type * as Ops from './workers/calls/fixtures/ops.ts'

// The sources once more, in another folder: what a second installation of the package is.
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, '../../.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'copy-'))
after(() => rmSync(folder, { recursive: true }))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

async function copyOf(name: string, version: string): Promise<typeof import('spindle')> {
  const at = join(folder, name)
  // What is bundled lies in dist, and what leads there in src; from sources there is no dist.
  for (const part of ['src', 'dist'].filter((name) => existsSync(join(root, name))))
    cpSync(join(root, part), join(at, part), { recursive: true, dereference: true })
  writeFileSync(join(at, 'package.json'), JSON.stringify({ ...manifest, version }))
  return (await import(
    pathToFileURL(join(at, `src/index${extname(import.meta.filename)}`)).href
  )) as typeof import('spindle')
}

const same = await copyOf('same', manifest.version)
const other = await copyOf('other', '9.9.9')
const href = import.meta.resolve('./workers/calls/fixtures/ops.js')
const numbers = (from: typeof import('spindle')): PipelineBuilder<number> =>
  new from.PipelineBuilder().addSource([1, 2, 3])

describe('another copy of the package, of the same version', () => {
  it('hears from this one when the work of a call begins, and tells it', async () => {
    for (const [engine, library] of [
      [same, { trackCall }],
      [{ PipelineBuilder }, same],
      [other, { trackCall }],
    ] as const) {
      const pipeline = new engine.PipelineBuilder()
        .addSource([1, 2, 3])
        .pipe((n: number) =>
          library.trackCall(async (begins, isWanted) => {
            assert.equal(isWanted, true)
            begins()
            await delay(3)
            return n
          }),
        )
        .build()
      await pipeline.forEach(() => {})
      assert.ok((pipeline.stats().stages[1]?.sums.queuedTasks ?? 0) > 0)
    }
  })

  const theirs = numbers(same).pipe(async (n: number) => n * 10, { name: 'tens' })

  it('makes pipelines that are merged, traced, recorded and profiled', async () => {
    const both = await collect(merge(theirs, numbers(same), numbers(same)).build())
    assert.deepEqual(
      both.sort((a, b) => a - b),
      [1, 1, 2, 2, 3, 3, 10, 20, 30],
    )
    const events: TraceEvent[] = []
    const pipeline = theirs.build()
    const tracing = trace(pipeline, { to: events })
    const recording = recordPipeline(pipeline)
    await collect(pipeline)
    await tracing.stop()
    recording.stop()
    assert.equal(events.filter(({ cat, name }) => cat === 'task' && name === 'tens').length, 3)
    assert.match(recording.html(), /tens/)
    for (const given of [theirs, theirs.getConfig()]) {
      const { stages } = await profilePipeline(given, {
        inputs: 3,
        concurrencies: [1],
        maxMsPerLevel: 5,
      })
      assert.deepEqual(
        stages.map(({ name }) => name),
        ['tens'],
      )
    }
  })

  it('makes ops by reference, executors and placements that are taken', async () => {
    const ops = same.workerModule<typeof Ops>(href)
    await using executor = new same.ThreadPool({ size: 1 })
    await using own = new ThreadPool({ size: 1 })
    const here = numbers(same).getConfig().source
    assert.equal(here.kind, 'source')
    const mixed = merge(numbers(same))
      .pipe(ops.double, { executor, outputOrder: 'input' })
      .pipe(ops.double, { executor: own, outputOrder: 'input' })
      .to(same.workers({ count: 1 }))
      .pipe(ops.double)
      .to(same.MAIN)
    assert.deepEqual(
      (await collect(mixed.build())).sort((a, b) => a - b),
      [8, 16, 24],
    )
    assert.ok(workers({ count: 1 }) && MAIN)
  })

  it('has shared memory of its own, which is refused with both places', () => {
    assert.throws(() => new ThreadPool({ memory: new same.SegmentPool() }), {
      code: 'ERR_OTHER_COPY',
      message:
        /`memory` is a SegmentPool of another copy of spindle, that in .*same \(version .* this one is in .*npm dedupe/,
    })
  })
})

describe('another copy of the package, of another version', () => {
  const refusal = {
    code: 'ERR_OTHER_COPY',
    message:
      /another copy of spindle, that in .*other \(version 9\.9\.9\), and this one is in .*spindle \(version /,
  }

  it('is refused where its pipelines would be looked into, and both places are named', async () => {
    const theirs = numbers(other)
    assert.throws(() => merge(theirs), refusal)
    assert.throws(() => trace(theirs.build(), { to: [] }), refusal)
    await assert.rejects(profilePipeline(theirs), refusal)
    await assert.rejects(profilePipeline(theirs.getConfig()), refusal)
    assert.throws(() => merge({} as typeof theirs), { code: 'ERR_BAD_OPTION', message: /inputs/ })
    assert.throws(() => trace({} as ReturnType<typeof theirs.build>, { to: [] }), {
      code: 'ERR_BAD_OPTION',
    })
  })
})
