import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MAIN,
  PipelineBuilder,
  ProcessPool,
  runPipelineInProcess,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import type { Pipeline } from '../../src/engine/run/pipeline.ts'
import type { LoopBlock } from '../../src/engine/stats/loop-blocks.ts'
import type * as Ops from './heavy-items.ts'
import { makeHeavy } from './heavy-items.ts'

const LIMIT_MS = 20_000
const href = import.meta.resolve('./heavy-items.js')
const ops = workerModule<typeof Ops>(href)

function* numbers(): Generator<number> {
  for (let i = 0; ; i++) yield i
}

async function warningsAndBlocks(builder: PipelineBuilder<unknown>, part: string) {
  const warnings: string[] = []
  const pipeline: Pipeline<unknown> = builder.build({
    logger: { warn: (message) => warnings.push(message), error: () => {} },
  })
  const limit = performance.now() + LIMIT_MS
  for await (const _ of pipeline) {
    const isFound = pipeline.stats().blocks.some((block) => block.part === part && block.count > 2)
    if ((isFound && warnings.length > 0) || performance.now() > limit) break
  }
  await pipeline.stop()
  return { warnings, blocks: pipeline.stats().blocks }
}

function checkCrossing(blocks: readonly LoopBlock[], stage: string, doing: RegExp): void {
  const found = blocks.filter(({ part }) => part === 'crossing')
  assert.ok(
    found.some((block) => block.stage === stage && doing.test(block.function)),
    JSON.stringify(blocks),
  )
}

describe('what holds the loop on the way to a worker and back', () => {
  const pools = {
    thread: () => new ThreadPool({ size: 1 }),
    process: () => new ProcessPool({ size: 1 }),
  }
  for (const [kind, make] of Object.entries(pools)) {
    it(`is the unpacking of large results of a ${kind}, and not the consumer`, async () => {
      await using executor = make()
      const builder = new PipelineBuilder()
        .addSource(numbers)
        .pipe(ops.makeHeavy, { executor, name: `results of a ${kind}` })
      const { warnings, blocks } = await warningsAndBlocks(builder, 'crossing')
      checkCrossing(blocks, `results of a ${kind}`, /^unpacking of results$/)
      assert.match(warnings[0] ?? '', /the op already runs in a worker/)
      assert.doesNotMatch(warnings.join('\n'), /consumer blocked/)
    })

    it(`is the packing of large items for a ${kind}`, async () => {
      await using executor = make()
      const heavy = makeHeavy(1)
      const builder = new PipelineBuilder()
        .addSource(numbers)
        .pipe(() => heavy, { name: 'give' })
        .pipe(ops.weigh, { executor, name: `items for a ${kind}` })
      const { warnings, blocks } = await warningsAndBlocks(builder, 'crossing')
      checkCrossing(blocks, `items for a ${kind}`, /./)
      assert.match(warnings[0] ?? '', /the op already runs in a worker/)
    })
  }

  it('is the unpacking of large results of a region', async () => {
    const builder = new PipelineBuilder()
      .addSource(numbers)
      .to(workers({ count: 1 }))
      .pipe(ops.makeHeavy)
      .to(MAIN)
      .pipe((items) => items.length)
    const { warnings, blocks } = await warningsAndBlocks(builder, 'crossing')
    assert.ok(
      blocks.some(({ place, part }) => place === 'stage' && part === 'crossing'),
      JSON.stringify(blocks),
    )
    assert.match(warnings[0] ?? '', /the op already runs in a worker/)
  })
})

describe('what holds the loop of a pipeline that runs elsewhere', () => {
  for (const [kind, run] of Object.entries({
    process: runPipelineInProcess,
    worker: runPipelineInWorker,
  })) {
    it(`is the packing of its items, never "the consumer": in a ${kind}`, async () => {
      const remote = run<readonly object[]>(href, { export: 'heavy' })
      const limit = performance.now() + LIMIT_MS
      let blocks: readonly LoopBlock[] = []
      for await (const _ of remote) {
        blocks = (await remote.stats()).blocks
        if (
          blocks.some(({ part, count }) => part === 'sending' && count > 2) ||
          performance.now() > limit
        )
          break
      }
      await remote.stop()
      const places = JSON.stringify(blocks)
      assert.ok(
        blocks.some(({ part }) => part === 'sending'),
        places,
      )
      assert.ok(!blocks.some(({ place }) => place === 'consumer'), places)
    })
  }
})
