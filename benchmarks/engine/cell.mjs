// One measurement, in a process of its own:
//   node --expose-gc cell.mjs <implementation> <shape> <order> <concurrency> <items>
// Prints one line of JSON. Warms up first, checks every run's result, and times the last run.
import { loadImplementation } from './implementations/index.mjs'
import { makeShape } from './shapes.mjs'

const [id, shapeName, order, concurrencyText, itemsText] = process.argv.slice(2)
const concurrency = Number(concurrencyText)
const items = Number(itemsText)
const isWaiting = shapeName === 'timers' || shapeName.startsWith('files')

const implementation = await loadImplementation(id)
const shape = makeShape(shapeName)

// Two warm-ups: the first compiles, the second settles what the first's end deoptimised.
const warmUp = Math.min(isWaiting ? 2000 : 200_000, Math.ceil(items / 4))
await runOnce(warmUp)
await runOnce(warmUp)
globalThis.gc?.()

const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
await runOnce(items)
const elapsedMs = performance.now() - startedAt
const cpu = process.cpuUsage(cpuBefore)
const total = process.cpuUsage()

console.log(
  JSON.stringify({
    nsPerItem: (elapsedMs * 1e6) / items,
    cpuNsPerItem: ((cpu.user + cpu.system) * 1e3) / items,
    maxRssMb: process.resourceUsage().maxRSS / 1024,
    cpuMs: (total.user + total.system) / 1e3,
  }),
)

async function runOnce(n) {
  const { consume, check } = shape.consumer()
  const { operations } = shape
  await implementation.run({
    shape: shapeName,
    order,
    concurrency,
    operations,
    source: shape.source(n),
    consume,
  })
  check(n, order === 'input' && !isWaiting)
}
