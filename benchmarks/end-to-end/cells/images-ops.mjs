// What the threads of a `DataLoader` run.
import { loadImage, stack } from '@spindle/io'
import { loadImageSync } from '@spindle/io/sync'
import { move } from 'spindle/worker'

const NORMALIZE = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

/** The options of each image: 224x224 without cropping, `[3, 224, 224]`. */
export function imageOptions(form) {
  const size = { width: 224, height: 224, mode: 'stretch', layout: 'CHW' }
  return form === 'float32' ? { ...size, normalize: NORMALIZE } : size
}

// They give up what they return, so nothing is copied.
export const asUint8 = (path) => move(loadImageSync(path, imageOptions('uint8')))
export const asFloat32 = (path) => move(loadImageSync(path, imageOptions('float32')))
export const gather = (images) => move(stack(images))

// One worker for the whole loader: there, images are decoded in the threads of @spindle/io.
export const loadUint8 = (path) => loadImage(path, imageOptions('uint8'))
export const loadFloat32 = (path) => loadImage(path, imageOptions('float32'))
