// Loads one image as soon as the process can.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { args, load } from '../checkout.mjs'

const path = fileURLToPath(
  new URL('../../../examples/photos/astronaut-portrait.jpg', import.meta.url),
)
const size = { width: 224, height: 224 }
const runs = {
  loadImage: async () => (await load('@spindle/io')).loadImage(path, size),
  loadImageBatch: async () => (await load('@spindle/io')).loadImageBatch([path], size),
  loadImageSync: async () => (await load('@spindle/io/sync')).loadImageSync(path, size),
  sharp: async () => {
    const sharp = createRequire(import.meta.url)('sharp')
    return sharp(path).resize(224, 224, { fit: 'fill' }).removeAlpha().raw().toBuffer()
  },
}
await runs[args[0]]()
process.exit()
