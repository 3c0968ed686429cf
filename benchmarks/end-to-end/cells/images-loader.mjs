// What Spindle's workers run in the job of images: whole loaders, and ops that are named.
import { loadImageBatch, stack } from '@spindle/io'
import { loadImageSync } from '@spindle/io/sync'
import { PipelineBuilder } from 'spindle'

const NORMALIZE = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
export const BATCH = 32

/** The options of each image: 224x224 without cropping, `[3, 224, 224]`. */
export function imageOptions(form) {
  const size = { width: 224, height: 224, mode: 'stretch', layout: 'CHW' }
  return form === 'float32' ? { ...size, normalize: NORMALIZE } : size
}

/** Batches by `loadImageBatch`: a thread fills its part of the batch. */
export function batches({ paths, form }) {
  const options = imageOptions(form)
  return new PipelineBuilder()
    .addSource(paths)
    .aggregate(BATCH)
    .pipe((group) => loadImageBatch(group, options), { concurrency: 3, outputOrder: 'input' })
    .addSink(2)
}

export const asUint8 = (path) => loadImageSync(path, imageOptions('uint8'))
export const asFloat32 = (path) => loadImageSync(path, imageOptions('float32'))
export const gather = (images) => stack(images)
