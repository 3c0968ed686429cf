// Compiled, never run: options of tuning.
import { PipelineBuilder, ProcessPool, ThreadPool, type Tuning, type TuningMove } from 'spindle'

const numbers = new PipelineBuilder().addSource([1, 2, 3])
const text = (n: number) => `${n}`

const tuned: PipelineBuilder<string> = numbers.pipe(text, { concurrency: 'auto' })
numbers.pipe(text, { concurrency: { min: 2 } })
numbers.pipe(text, { concurrency: { min: 2, max: 8 } })
// @ts-expect-error: no such word
numbers.pipe(text, { concurrency: 'fast' })
// @ts-expect-error: no such member
numbers.pipe(text, { concurrency: { least: 2 } })

const pipeline = tuned.build({ tune: 'once' })
tuned.build({ tune: { mode: 'continuous', maxMemoryBytes: 1e9 } })
// @ts-expect-error: modes are 'off', 'once' and 'continuous'
tuned.build({ tune: true })

const { moves, options }: Tuning = pipeline.tuning()
for (const {
  stage,
  option,
  from,
  to,
  outcome,
  evidence,
} of moves satisfies readonly TuningMove[]) {
  const line: string = `${stage} ${option} ${from} ${to} ${outcome} ${evidence.itemsPerSec ?? 0}`
  void line
}
const found: number | undefined = options.text?.concurrency
numbers.pipe(text, { concurrency: found ?? 1, buffer: options.text?.buffer ?? 2 })

new ThreadPool({ size: { min: 1, max: 4 } }).resize(2)
new ProcessPool({ size: 4 }).resize(2)
