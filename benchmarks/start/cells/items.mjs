// Passes 10,000 items through one async no-op, 16 at a time.
import { importRival } from '../../engine/rivals.mjs'
import { args, load } from '../checkout.mjs'

const [name] = args
const items = Array.from({ length: 10_000 }, (_, i) => i)
const op = async (n) => n
const runs = {
  spindle: () => spindle({}),
  'spindle-unguarded': () => spindle({ loopGuard: false }),
  'p-map': async () => {
    const { default: pMap } = await importRival('p-map')
    return async () => (await pMap(items, op, { concurrency: 16 })).length
  },
  'streaming-iterables': async () => {
    const { transform } = await importRival('streaming-iterables')
    return async () => {
      let count = 0
      for await (const _ of transform(16, op, items)) count++
      return count
    }
  },
}
const run = await runs[name]()
const before = process.cpuUsage()
const count = await run()
if (count !== items.length) throw new Error(`${count} items`)
const { user, system } = process.cpuUsage(before)
globalThis.figures = { runCpuMs: (user + system) / 1e3 }

async function spindle(options) {
  const { PipelineBuilder } = await load('spindle')
  return async () => {
    let count = 0
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .pipe(op, { concurrency: 16 })
      .build(options)
    await pipeline.forEach(() => {
      count++
    })
    return count
  }
}
