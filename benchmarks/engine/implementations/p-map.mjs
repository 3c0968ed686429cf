import { importRival } from '../rivals.mjs'

const { pMapIterable } = await importRival('p-map')

export const pMap = {
  name: 'p-map pMapIterable',
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape }) => shape !== 'files-fast',
  items: { async: 5e5, sync: 5e5, timers: 20_000, files: 10_000 },
  async run({ order, concurrency, operations, source, consume }) {
    // `backpressure` above `concurrency` only made it slower, so it stays at its default,
    // `concurrency`.
    const options = { concurrency, preserveOrder: order === 'input' }
    const chain = operations.reduce(
      (upstream, operation) => pMapIterable(upstream, operation, options),
      source,
    )
    for await (const x of chain) consume(x)
  },
}
