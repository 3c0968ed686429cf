import { importRival } from '../rivals.mjs'

const { from, concatMap, map, mergeMap } = await importRival('rxjs')

export const rxjs = {
  name: 'rxjs', // mergeMap, concatMap for one at a time, map for sync chains
  hasConcurrency: true,
  backpressure: 'no', // mergeMap queues whatever the source pushes
  supports: ({ shape, order, concurrency }) =>
    shape !== 'files-fast' && (order === 'completion' || concurrency === 1),
  items: { async: 1e5, sync: 5e6, timers: 20_000, files: 10_000 },
  run({ shape, concurrency, operations, source, consume }) {
    const stage = (operation) => {
      if (shape === 'sync') return map(operation)
      return concurrency === 1 ? concatMap(operation) : mergeMap(operation, concurrency)
    }
    return from(source)
      .pipe(...operations.map(stage))
      .forEach(consume)
  },
}
