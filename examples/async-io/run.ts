// Measures the runs and draws the pictures of docs/async-io.md.
//   node --import=tsx examples/async-io/run.ts [folder]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PipelineBuilder } from 'spindle'
import * as runs from './runs.ts'
import { drawTimeline, type Lane } from './timeline.ts'

const pictures: Readonly<Record<string, readonly [title: string, run: () => Promise<Lane[]>]>> = {
  overlapping: ['Three tasks on one thread', runs.overlapping],
  'bare-pool': ['A bare pool: two tasks, each doing everything for an item', runs.barePool],
  stages: ['Two stages with a queue between: six fetches, two stores', runs.stages],
  blocked: ['A function that computes on the loop for 40 ms', runs.blocked],
  unblocked: ['The same function in a worker thread', runs.unblocked],
  'nodes-threads': ["Eight calls on Node's four threads", runs.nodesThreads],
}

const RUNS = 7

const folder = process.argv[2] ?? fileURLToPath(new URL('../../docs/async-io', import.meta.url))
mkdirSync(folder, { recursive: true })
// The first pipeline of a process has much to load.
await new PipelineBuilder()
  .addSource([1])
  .pipe(async (n) => n)
  .build()
  .forEach(() => {})
for (const [name, [title, run]] of Object.entries(pictures)) {
  // Takes the run that other programs disturbed least.
  let [lanes, endMs] = [[] as Lane[], Number.POSITIVE_INFINITY]
  for (let i = 0; i < RUNS; i++) {
    const next = await run()
    const nextMs = Math.max(...next.flatMap(({ spans }) => spans.map(({ to }) => to)))
    if (nextMs < endMs) [lanes, endMs] = [next, nextMs]
  }
  writeFileSync(
    join(folder, `${name}.svg`),
    drawTimeline(`${title}: ${endMs.toFixed(0)} ms`, lanes),
  )
  console.log(`${name}: ${endMs.toFixed(0)} ms`)
}
