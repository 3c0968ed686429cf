// sharp as its documentation recommends: paths, eight pipelines at a time with one thread each,
// copied into batches.
import sharp from 'sharp'
import { BATCH, HEIGHT, measure, WIDTH } from './cell.mjs'

const IN_FLIGHT = 8
const SIZE = WIDTH * HEIGHT * 3
sharp.concurrency(1)

await measure(process.argv[2], async (paths) => {
  const batches = []
  let next = 0
  const lane = async () => {
    while (next < paths.length) {
      const index = next++
      const image = sharp(paths[index]).autoOrient().removeAlpha().toColourspace('srgb')
      const pixels = await image
        .resize({ width: WIDTH, height: HEIGHT, fit: 'fill', kernel: 'linear' })
        .raw()
        .toBuffer()
      const batch = Math.floor(index / BATCH)
      batches[batch] ??= new Uint8Array(BATCH * SIZE)
      batches[batch].set(pixels, (index % BATCH) * SIZE)
      delete batches[batch - 8] // the consumer has had it by now
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return paths.length
})
