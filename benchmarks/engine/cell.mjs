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

// Two warm-ups with a collection between them. Not after the second: a full collection takes the
// hidden classes of the objects that have died with it, and V8 then throws away the code that was
// compiled for them; the timed run would begin cold.
const warmUp = Math.min(isWaiting ? 2000 : 500_000, Math.ceil(items / 2))
await runOnce(Math.ceil(warmUp / 2))
globalThis.gc?.()
await runOnce(warmUp)

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
