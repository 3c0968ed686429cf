// Node's own streams: a chain of Transforms (serial by design), and Readable.map, which has
// concurrency.
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export const nodeTransforms = {
  name: 'Node Transform x3 + pipeline',
  hasConcurrency: false,
  backpressure: 'yes',
  supports: ({ shape, order, concurrency }) =>
    (shape === 'async' || shape === 'sync') && order === 'completion' && concurrency === 1,
  items: { async: 5e5, sync: 1e6 },
  async run({ shape, operations, source, consume }) {
    const make = shape === 'async' ? transformAsync : transformSync
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 16,
      write(x, _, done) {
        consume(x)
        done()
      },
    })
    await pipeline(Readable.from(source, { highWaterMark: 16 }), ...operations.map(make), sink)
  },
}

export const readableMap = {
  name: 'Node Readable.map',
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape, order }) => (order === 'input' || shape === 'sync') && shape !== 'files-fast',
  items: { async: 5e4, sync: 5e4, timers: 20_000, files: 10_000 },
  async run({ concurrency, operations, source, consume }) {
    let stream = Readable.from(source, { highWaterMark: 16 })
    for (const operation of operations)
      stream = stream.map(operation, { concurrency, highWaterMark: 16 })
    await stream.forEach(consume)
  },
}

function transformAsync(operation) {
  return new Transform({
    objectMode: true,
    highWaterMark: 16,
    transform(x, _, done) {
      operation(x).then((y) => done(null, y), done)
    },
  })
}

function transformSync(operation) {
  return new Transform({
    objectMode: true,
    highWaterMark: 16,
    transform(x, _, done) {
      done(null, operation(x))
    },
  })
}
