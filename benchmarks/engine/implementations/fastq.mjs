// A work queue, not a pipeline: one queue a stage, and lanes by hand that carry the items from one
// to the next and bound the whole.
import { importRival } from '../rivals.mjs'

const { default: fastq } = await importRival('fastq')

const items = { async: 1e6, sync: 1e6, timers: 20_000, files: 10_000 }

export const fastqPromise = {
  name: 'fastq.promise (glue by hand)',
  hasConcurrency: true,
  backpressure: 'by hand',
  supports: ({ shape, order }) => order === 'completion' && shape !== 'files-fast',
  items,
  async run({ concurrency, operations, source, consume }) {
    const queues = operations.map((operation) =>
      fastq.promise(async (x) => operation(x), concurrency),
    )
    const iterator = source[Symbol.iterator]()
    const lane = async () => {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        let x = next.value
        for (const queue of queues) x = await queue.push(x)
        consume(x)
      }
    }
    await Promise.all(Array.from({ length: operations.length * concurrency + 16 }, lane))
  },
}

export const fastqCallback = {
  name: 'fastq, callbacks (glue by hand)',
  hasConcurrency: true,
  backpressure: 'by hand',
  // A callback called at once recurses until the stack is full, so it has no sync shape.
  supports: ({ shape, order }) =>
    order === 'completion' && shape !== 'files-fast' && shape !== 'sync',
  items,
  run({ concurrency, operations, source, consume }) {
    return new Promise((resolve, reject) => {
      const queues = operations.map((operation) => fastq(callAsync(operation), concurrency))
      const iterator = source[Symbol.iterator]()
      let running = operations.length * concurrency + 16
      for (let i = running; i > 0; i--) pull()
      function pull() {
        const { done, value } = iterator.next()
        if (!done) queues[0].push(value, carryTo(1))
        else if (--running === 0) resolve()
      }
      function carryTo(at) {
        return (error, x) => {
          if (error) reject(error)
          else if (at < queues.length) queues[at].push(x, carryTo(at + 1))
          else {
            consume(x)
            pull()
          }
        }
      }
    })
  },
}

function callAsync(operation) {
  return (x, done) => {
    operation(x).then((y) => done(null, y), done)
  }
}
