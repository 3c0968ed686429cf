// One slow path of `pathVariants()` beside a fast one: when do the fast items come out, and how
// long does all take?
//   node benchmarks/engine/variants.mjs [--only bursts-2] [--look-ahead 0]
//   SPINDLE=/path/to/another/packages/spindle node benchmarks/engine/variants.mjs

import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { only: { type: 'string' }, 'look-ahead': { type: 'string' } },
})
const { SPINDLE } = process.env
const { PipelineBuilder } = await import(
  SPINDLE === undefined ? 'spindle' : pathToFileURL(`${SPINDLE}/dist/index.js`).href
)

const ITEMS = 400
const SLOW_MS = 100
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const inBursts = (n) => n % 100 < 10
const spread = (n) => n % 10 === 0
const scenarios = {
  'bursts-2': { isSlow: inBursts, fastMs: 2 },
  'spread-2': { isSlow: spread, fastMs: 2 },
  'bursts-10': { isSlow: inBursts, fastMs: 10 },
}
const path = (ms) => (builder) => {
  const wait = async (n) => {
    await sleep(ms)
    return n
  }
  return builder.pipe(wait, { concurrency: 2, outputOrder: 'input' })
}

async function run({ isSlow, fastMs }) {
  const lookAhead = values['look-ahead']
  const options = lookAhead === undefined ? {} : { lookAhead: Number(lookAhead) }
  const pipeline = new PipelineBuilder()
    .addSource(Array.from({ length: ITEMS }, (_, n) => n))
    .pathVariants((n) => (isSlow(n) ? 1 : 0), [path(fastMs), path(SLOW_MS)], options)
    .build()
  const fast = []
  const startedAt = performance.now()
  await pipeline.forEach((n) => void (isSlow(n) || fast.push(performance.now() - startedAt)))
  const allMs = performance.now() - startedAt
  const router = pipeline.stats().stages[1]
  return {
    medianMs: Math.round(fast.sort((a, b) => a - b)[fast.length >> 1]),
    lastMs: Math.round(fast.at(-1)),
    allMs: Math.round(allMs),
    routerBlocked: `${Math.round(100 * router.shares.blocked)} %`,
  }
}

console.log(
  `Node ${process.version}, ${ITEMS} items, a tenth of them slow (${SLOW_MS} ms), each path with concurrency 2`,
)
for (const [name, scenario] of Object.entries(scenarios)) {
  if (values.only !== undefined && values.only !== name) continue
  console.log(JSON.stringify({ scenario: name, ...(await run(scenario)) }))
}
