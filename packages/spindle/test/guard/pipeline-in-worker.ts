import { parentPort } from 'node:worker_threads'
import { PipelineBuilder } from '../../src/builder/builder.ts'

/* Runs a blocking pipeline in a worker thread and tells of its first block. */

const limit = performance.now() + 10_000
const pipeline = new PipelineBuilder()
  .addSource(function* () {
    for (let i = 0; ; i++) yield i
  })
  .pipe(function inWorker(item: number) {
    for (const end = performance.now() + 60; performance.now() < end; );
    return item
  })
  .build({ logger: { warn: () => {}, error: () => {} } })
for await (const _ of pipeline) {
  const block = pipeline.stats().blocks.find(({ stage }) => stage === 'inWorker')
  if (block === undefined && performance.now() < limit) continue
  parentPort?.postMessage(block ?? {})
  break
}
await pipeline.stop()
