// Generators by hand. Pulling is their backpressure; they have no concurrency.

export const asyncGenerators = {
  name: 'async generators by hand',
  hasConcurrency: false,
  backpressure: 'yes',
  supports: ({ shape, order, concurrency }) =>
    (shape === 'async' || shape === 'sync') && order === 'completion' && concurrency === 1,
  items: { async: 5e5, sync: 5e5 },
  async run({ shape, operations, source, consume }) {
    const stage = shape === 'async' ? mapAsync : mapSyncInAsync
    const chain = operations.reduce((upstream, operation) => stage(upstream, operation), source)
    for await (const x of chain) consume(x)
  },
}

export const syncGenerators = {
  name: 'sync generators by hand',
  hasConcurrency: false,
  backpressure: 'yes',
  supports: ({ shape, concurrency }) => shape === 'sync' && concurrency === 1,
  items: { sync: 5e6 },
  run({ operations, source, consume }) {
    const chain = operations.reduce((upstream, operation) => mapSync(upstream, operation), source)
    for (const x of chain) consume(x)
  },
}

async function* mapAsync(upstream, operation) {
  for await (const x of upstream) yield await operation(x)
}

async function* mapSyncInAsync(upstream, operation) {
  for await (const x of upstream) yield operation(x)
}

function* mapSync(upstream, operation) {
  for (const x of upstream) yield operation(x)
}
