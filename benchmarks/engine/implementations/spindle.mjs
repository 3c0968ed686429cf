// Spindle with default statistics and lineage, consumed in its three ways.
import { PipelineBuilder } from 'spindle'

const BUFFER = 16

const hasAll = {
  hasConcurrency: true,
  backpressure: 'yes',
  supports: () => true,
  items: { async: 1e6, sync: 3e6, timers: 20_000, files: 10_000, 'files-fast': 20_000 },
}

export const spindleForEach = {
  ...hasAll,
  name: 'Spindle, forEach',
  run: async (cell) => (await build(cell)).forEach(cell.consume),
}

export const spindleChunks = {
  ...hasAll,
  name: 'Spindle, chunks',
  async run(cell) {
    const { consume } = cell
    for await (const chunk of (await build(cell)).chunks()) {
      for (let i = 0; i < chunk.length; i++) consume(chunk[i])
    }
  },
}

export const spindleForAwait = {
  ...hasAll,
  name: 'Spindle, for await',
  async run(cell) {
    const { consume } = cell
    for await (const x of await build(cell)) consume(x)
  },
}

async function build({ shape, order, concurrency, operations, source }) {
  const ops = shape === 'files-fast' ? [(await import('spindle/source')).readFile] : operations
  let builder = new PipelineBuilder().addSource(source, { buffer: BUFFER })
  for (const op of ops)
    builder = builder.pipe(op, { concurrency, buffer: BUFFER, outputOrder: order })
  return builder.addSink(BUFFER).build()
}
