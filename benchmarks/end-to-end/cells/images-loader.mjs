// The loader of images that runs in a worker as a whole.
import { loadImageBatch } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { imageOptions } from './images-ops.mjs'

export const BATCH = 32

/** Batches by `loadImageBatch`: a thread fills its part of the batch. */
export function batches({ paths, form }) {
  const options = imageOptions(form)
  return new PipelineBuilder()
    .addSource(paths)
    .aggregate(BATCH)
    .pipe((group) => loadImageBatch(group, options), { concurrency: 3, outputOrder: 'input' })
    .addSink(2)
}
