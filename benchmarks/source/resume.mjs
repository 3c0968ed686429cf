// The cost of a resumable run per item: three no-op stages, with and without `resumable`.
//   node benchmarks/source/resume.mjs [--rounds n] [--items n]
//
// Both run in this process in turn, equally often. The minimum of CPU time counts, because other
// programs only add to it.
import { parseArgs } from 'node:util'
import { PipelineBuilder } from 'spindle'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    items: { type: 'string', default: '200000' },
  },
})
const items = Array.from({ length: Number(values.items) }, (_, i) => i)
const asyncOp = async (item) => item
const builder = new PipelineBuilder()
  .addSource(items, { buffer: 16 })
  .pipe(asyncOp, { concurrency: 16, buffer: 16 })
  .pipe(asyncOp, { concurrency: 16, buffer: 16 })
  .pipe(asyncOp, { concurrency: 16, buffer: 16 })
  .addSink(16)
const batches = new PipelineBuilder()
  .addSource(items, { buffer: 16 })
  .pipe(asyncOp, { concurrency: 16, buffer: 16 })
  .aggregate(32)

const consumers = {
  forEach: (pipeline) => pipeline.forEach(() => {}),
  'for await': async (pipeline) => {
    for await (const _ of pipeline);
  },
}
const cases = Object.entries(consumers).flatMap(([name, consume]) => [
  { name: `three async no-ops, ${name}`, make: (options) => builder.build(options), consume },
  {
    name: `one async no-op, batches of 32, ${name}`,
    make: (options) => batches.build(options),
    consume,
  },
])

async function cpuNs({ make, consume }, options) {
  const pipeline = make(options)
  const before = process.cpuUsage()
  await consume(pipeline)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1e3) / items.length
}

console.log(
  `Node ${process.version}; ${values.rounds} rounds of ${items.length} items; ns of CPU an item, minimum`,
)
for (const one of cases) {
  const best = { plain: Number.POSITIVE_INFINITY, resumable: Number.POSITIVE_INFINITY }
  for (let round = -2; round < Number(values.rounds); round++) {
    for (const [name, options] of [
      ['plain', {}],
      ['resumable', { resumable: true }],
    ]) {
      const ns = await cpuNs(one, options)
      if (round >= 0) best[name] = Math.min(best[name], ns)
    }
  }
  const share = best.resumable / best.plain - 1
  console.log(
    `${one.name.padEnd(44)} plain ${best.plain.toFixed(0).padStart(5)}   resumable ${best.resumable.toFixed(0).padStart(5)}   + ${(share * 100).toFixed(0)} %`,
  )
}
