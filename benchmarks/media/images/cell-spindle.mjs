// Batches as in examples/images.ts, or single images that are stacked.
import { giveBack, loadImage, loadImageBatch, stack } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { BATCH, HEIGHT, measure, WIDTH } from './cell.mjs'

const [folder, way, backend, layout] = process.argv.slice(2)
const options = { width: WIDTH, height: HEIGHT, mode: 'stretch', layout, backend }

function builder(paths) {
  const source = new PipelineBuilder().addSource(paths)
  if (way === 'batches') {
    return source
      .aggregate(BATCH)
      .pipe((batch) => loadImageBatch(batch, { ...options, strict: false }), {
        name: 'load',
        concurrency: 3,
        outputOrder: 'input',
      })
  }
  return source
    .pipe((path) => loadImage(path, options), {
      name: 'load',
      concurrency: 16,
      outputOrder: 'input',
      maxFailures: Number.POSITIVE_INFINITY,
    })
    .aggregate(BATCH)
    .pipe((loaded) => {
      const batch = stack(loaded)
      giveBack(loaded)
      return batch
    })
}

await measure(folder, async (paths) => {
  let images = 0
  for await (const batch of builder(paths).addSink(4).build()) {
    images += batch.shape[0]
    if (way === 'batches') giveBack(batch)
  }
  return images
})
