// Runs one case for a while and prints, as JSON, its rate and what the report says.
//   node cell.mjs "name of the case" '{"params":…}' milliseconds
import { cases } from './cases.mjs'
import { pause } from './parts.mjs'

/** Threads are started in less; processes take longer the more there are of them. */
const WARM_MS = 500
const [name, given, ms] = process.argv.slice(2)
const { make, isShort, isWhole, warmMs = WARM_MS } = cases[name]
const cleanup = []
const made = await make(JSON.parse(given), cleanup)
const {
  pipeline,
  consume = () => {},
  burst,
} = made.pipeline === undefined ? { pipeline: made } : made

const beganAt = performance.now()
const hasEnd = isShort === true || isWhole === true
const consumed = hasEnd ? await pipeline.forEach(consume) : take()
let rate = 0
if (hasEnd) rate = (countOf(await pipeline.stats()) * 1000) / (performance.now() - beganAt)
else {
  await pause(warmMs)
  const before = await pipeline.stats()
  await pause(Number(ms))
  const after = await pipeline.stats()
  rate = ((countOf(after) - countOf(before)) * 1000) / (after.elapsedMs - before.elapsedMs)
}
const { stats, bottleneck, missing, table } = await pipeline.report()
process.stdout.write(`${JSON.stringify({ rate, bottleneck, missing, cpu: stats.cpu, table })}\n`)
void consumed
await pipeline.stop({ mode: 'abort' })
for (const close of cleanup) await close()
process.exit()

/** Takes items until the pipeline is stopped. */
async function take() {
  try {
    if (burst === undefined) {
      if (pipeline.forEach !== undefined) await pipeline.forEach(consume)
      else for await (const item of pipeline) await consume(item)
      return
    }
    let taken = 0
    for await (const _ of pipeline) if (++taken % burst.size === 0) await pause(burst.ms)
  } catch (error) {
    if (error.name !== 'AbortError') throw error
  }
}

function countOf({ items, stages }) {
  const last = stages.at(-2)
  return items > 0 || last === undefined ? items : last.emitted + last.skipped
}
