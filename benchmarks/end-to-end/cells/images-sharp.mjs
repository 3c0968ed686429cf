// sharp and p-map: `node images-sharp.mjs <way> <folder> <form> <pause>`. `batch` decodes the
// images of a batch at a time; `stream` keeps 16 in flight across batches.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { importRival } from '../rivals.mjs'
import { consumer } from './consumer.mjs'

const { default: pMap, pMapIterable } = await importRival('p-map')
const [way, folder, form, pause] = process.argv.slice(2)
const paths = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name))
const [BATCH, PLANE] = [32, 224 * 224]
const MEAN = [0.485, 0.456, 0.406]
const STD = [0.229, 0.224, 0.225]
sharp.concurrency(1)
const { take, end } = consumer(Number(pause))

const load = (path) =>
  sharp(path)
    .autoOrient()
    .resize(224, 224, { fit: 'fill', kernel: 'linear' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer()

/** `[count, 3, 224, 224]`, from images of `[224, 224, 3]`. */
function gather(images) {
  const size = 3 * PLANE * images.length
  const batch = form === 'float32' ? new Float32Array(size) : new Uint8Array(size)
  for (let n = 0; n < images.length; n++) {
    for (let channel = 0; channel < 3; channel++) {
      const start = (3 * n + channel) * PLANE
      const [scale, shift] = [1 / (255 * STD[channel]), -MEAN[channel] / STD[channel]]
      const pixels = images[n]
      if (form === 'float32')
        for (let i = 0; i < PLANE; i++) batch[start + i] = pixels[3 * i + channel] * scale + shift
      else for (let i = 0; i < PLANE; i++) batch[start + i] = pixels[3 * i + channel]
    }
  }
  return batch
}

if (way === 'batch') {
  for (let i = 0; i < paths.length; i += BATCH) {
    const images = await pMap(paths.slice(i, i + BATCH), load, { concurrency: 16 })
    take(gather(images), images.length)
  }
} else {
  let images = []
  const flush = () => {
    take(gather(images), images.length)
    images = []
  }
  for await (const image of pMapIterable(paths, load, { concurrency: 16, backpressure: 48 })) {
    images.push(image)
    if (images.length === BATCH) flush()
  }
  if (images.length > 0) flush()
}
end()
