import { importRival } from '../rivals.mjs'

const { Effect, Stream } = await importRival('effect')

export const effect = {
  name: 'effect 4 Stream.mapEffect', // Stream.map for sync chains
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape }) => shape !== 'files-fast',
  items: { async: 3e4, sync: 2e6, timers: 20_000, files: 10_000 },
  run({ shape, order, concurrency, operations, source, consume }) {
    const options = { concurrency, unordered: order === 'completion' }
    const stage = (upstream, operation) =>
      shape === 'sync'
        ? Stream.map(upstream, operation)
        : Stream.mapEffect(upstream, (x) => Effect.promise(() => operation(x)), options)
    const drain = Stream.runForEachArray((chunk) => Effect.sync(() => chunk.forEach(consume)))
    return Effect.runPromise(drain(operations.reduce(stage, Stream.fromIterable(source))))
  },
}
