import { PipelineBuilder } from 'spindle'
import { DataLoader } from 'spindle/loader'
import { median } from './median.mjs'

const items = Array.from({ length: 100_000 }, (_, i) => i)
const preprocess = async (n) => n
const collate = (batch) => batch.length

const parallel = { concurrency: 8 }

const built = (source, batchSize) =>
  new PipelineBuilder()
    .addSource(source)
    .pipe(preprocess, parallel)
    .aggregate(batchSize)
    .pipe(collate, parallel)
    .build()

const cases = [
  {
    name: '100 000 items in batches of 32, CPU time an item',
    unit: 'ns',
    pipeline: () => consume(built(items, 32)),
    loader: () => consume(new DataLoader(items, { preprocess, batchSize: 32, collate })),
    per: items.length,
  },
  {
    name: '100 000 single items, CPU time an item',
    unit: 'ns',
    pipeline: () =>
      consume(new PipelineBuilder().addSource(items).pipe(preprocess, parallel).build()),
    loader: () => consume(new DataLoader(items, { preprocess })),
    per: items.length,
  },
  {
    name: '200 epochs of one item, CPU time an epoch',
    unit: 'ns',
    async pipeline() {
      for (let epoch = 0; epoch < 200; epoch++) await consume(built([1], 1))
    },
    async loader() {
      const loader = new DataLoader([1], { preprocess, batchSize: 1, collate })
      for (let epoch = 0; epoch < 200; epoch++) await consume(loader)
    },
    per: 200,
  },
]

export async function loaderRounds(rounds) {
  const results = []
  for (const { name, unit, pipeline, loader, per } of cases) {
    const runs = { pipeline: [], loader: [] }
    for (let round = -1; round < rounds; round++) {
      const order = round % 2 === 0 ? ['pipeline', 'loader'] : ['loader', 'pipeline']
      for (const who of order) {
        const ns = await cpuOf(who === 'pipeline' ? pipeline : loader)
        if (round >= 0) runs[who].push(ns / per)
      }
    }
    results.push({ name, unit, pipeline: median(runs.pipeline), loader: median(runs.loader) })
  }
  return results
}

async function consume(iterable) {
  for await (const _ of iterable);
}

async function cpuOf(run) {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}
