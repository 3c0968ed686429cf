// The main job, as examples/images.ts does it.
import { loadImage, stack } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { BATCH, HEIGHT, measure, WIDTH } from './cell.mjs'

const [folder, backend, layout] = process.argv.slice(2)
const load = (path) => loadImage(path, { width: WIDTH, height: HEIGHT, mode: 'stretch', layout, backend })

await measure(folder, async (paths) => {
  const pipeline = new PipelineBuilder()
    .addSource(paths)
    .pipe(load, { concurrency: 16, outputOrder: 'input', maxFailures: Number.POSITIVE_INFINITY })
    .aggregate(BATCH)
    .pipe(stack)
    .addSink(4)
    .build()
  let images = 0
  for await (const batch of pipeline) images += batch.shape[0]
  return images
})
