// One run of a job: node jobs-run.mjs <job> <concurrency | auto> <seconds>. Prints what the tuned
// stage has put out by each quarter of a second.
import { JOBS } from './jobs-cases.mjs'

const [name, text, seconds] = process.argv.slice(2)
const builder = await JOBS[name](text === 'auto' ? 'auto' : Number(text))
const pipeline = builder.build({ loopGuard: false })
const counts = [0]
const timer = setInterval(() => counts.push(pipeline.stats().stages[1].emitted), 250)
const endAt = performance.now() + Number(seconds) * 1000
for await (const item of pipeline) {
  void item
  if (performance.now() > endAt) break
}
clearInterval(timer)
console.log(JSON.stringify({ counts, options: pipeline.tuning().options }))
process.exit()
