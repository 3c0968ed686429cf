// One run of a case in the real engine, in a process of its own: node engine-run.mjs <case>
// <bounds> <seconds> <tune: on | off> Prints the items taken in each quarter of a second, and what
// was tuned.
import { fork } from 'node:child_process'
import { PipelineBuilder } from 'spindle'
import { ENGINE_CASES } from './engine-cases.mjs'

const [name, boundsText, seconds, tune] = process.argv.slice(2)
const testCase = ENGINE_CASES[name]
const bounds = boundsText.split('+').map(Number)

function* endless() {
  for (let i = 0; ; i++) yield i
}

const options = bounds.map((concurrency, i) => ({ name: `stage ${i}`, concurrency }))
const builder = testCase.stages(
  new PipelineBuilder().addSource(() => endless()),
  options,
)
const maxMemoryBytes = testCase.memoryBytes && testCase.memoryBytes + process.memoryUsage.rss()
const mode = tune === 'on' ? 'continuous' : 'off'
const pipeline = builder.build({
  tune: maxMemoryBytes === undefined ? mode : { mode, maxMemoryBytes },
  loopGuard: false,
})
const neighbour =
  testCase.hasNeighbour === true ? fork(new URL('./neighbour.mjs', import.meta.url)) : undefined
const counts = [0]
const rss = [process.memoryUsage.rss()]
let items = 0
const timer = setInterval(() => {
  counts.push(items)
  rss.push(process.memoryUsage.rss())
}, 250)
const beganAt = performance.now()
const endAt = beganAt + Number(seconds) * 1000
const slots = []
for await (const item of pipeline) {
  void item
  items++
  if (testCase.consumerMs > 0)
    await new Promise((resolve) => setTimeout(resolve, testCase.consumerMs))
  if (performance.now() > endAt) break
}
clearInterval(timer)
neighbour?.kill()
for (const stage of pipeline.stats().stages)
  if (stage.name.startsWith('stage ')) slots.push(stage.concurrency)
const { moves } = pipeline.tuning()
console.log(JSON.stringify({ counts, slots, moves, mostRss: Math.max(...rss) - rss[0] }))
process.exit()
