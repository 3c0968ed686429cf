// A work queue, not a pipeline: one queue a stage, and lanes by hand that carry the items from one
// to the next and bound the whole.
import { importRival } from '../rivals.mjs'

const { default: PQueue } = await importRival('p-queue')

export const pQueue = {
  name: 'p-queue (glue by hand)',
  hasConcurrency: true,
  backpressure: 'by hand',
  supports: ({ shape, order }) => order === 'completion' && shape !== 'files-fast',
  items: { async: 1e5, sync: 1e5, timers: 20_000, files: 10_000 },
  async run({ concurrency, operations, source, consume }) {
    const queues = operations.map(() => new PQueue({ concurrency }))
    const iterator = source[Symbol.iterator]()
    const lane = async () => {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        let x = next.value
        for (let i = 0; i < operations.length; i++) {
          const input = x
          x = await queues[i].add(() => operations[i](input))
        }
        consume(x)
      }
    }
    await Promise.all(Array.from({ length: operations.length * concurrency + 16 }, lane))
  },
}
