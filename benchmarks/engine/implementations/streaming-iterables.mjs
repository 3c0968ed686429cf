import { importRival } from '../rivals.mjs'

const { map, parallelMap, transform } = await importRival('streaming-iterables')

export const streamingIterables = {
  name: 'streaming-iterables', // transform in completion order, parallelMap in input order, map for sync chains
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape }) => shape !== 'files-fast',
  items: { async: 1e6, sync: 1e6, timers: 20_000, files: 10_000 },
  async run({ shape, order, concurrency, operations, source, consume }) {
    const stage = shape === 'sync' ? map : order === 'input' ? parallelMap : transform
    const apply = (upstream, operation) =>
      stage === map ? map(operation, upstream) : stage(concurrency, operation, upstream)
    for await (const x of operations.reduce(apply, source)) consume(x)
  },
}
