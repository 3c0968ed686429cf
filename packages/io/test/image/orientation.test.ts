import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadImage } from '../../src/index.ts'
import { BACKENDS, type Pixels, paint, photo, psnr, toSharp } from '../support.ts'

const WIDTH = 48
const HEIGHT = 32
const stored = paint(WIDTH, HEIGHT, (x, y) => [x * 5, y * 7, x < 16 && y < 16 ? 200 : 20])

/**
 * What EXIF's values mean (CIPA DC-008, table 4.6.5.1.6): where row 0 and column 0 of the file are
 * to be seen.
 */
const shown: Record<number, Pixels> = {
  1: stored,
  2: paint(WIDTH, HEIGHT, (x, y) => at(WIDTH - 1 - x, y)),
  3: paint(WIDTH, HEIGHT, (x, y) => at(WIDTH - 1 - x, HEIGHT - 1 - y)),
  4: paint(WIDTH, HEIGHT, (x, y) => at(x, HEIGHT - 1 - y)),
  5: paint(HEIGHT, WIDTH, (x, y) => at(y, x)),
  6: paint(HEIGHT, WIDTH, (x, y) => at(y, HEIGHT - 1 - x)),
  7: paint(HEIGHT, WIDTH, (x, y) => at(WIDTH - 1 - y, HEIGHT - 1 - x)),
  8: paint(HEIGHT, WIDTH, (x, y) => at(WIDTH - 1 - y, x)),
}

function at(x: number, y: number): number[] {
  return [...stored.data.subarray((y * WIDTH + x) * 3, (y * WIDTH + x) * 3 + 3)]
}

describe('orientation', () => {
  for (const backend of BACKENDS) {
    for (const [orientation, expected] of Object.entries(shown)) {
      it(`${backend}: turns what is stored as ${orientation}`, async () => {
        const pipeline = toSharp(stored).withMetadata({ orientation: Number(orientation) })
        const files = {
          jpeg: await pipeline.clone().jpeg({ quality: 98, chromaSubsampling: '4:4:4' }).toBuffer(),
          png: await pipeline.clone().png().toBuffer(),
          webp: await pipeline.clone().webp({ lossless: true }).toBuffer(),
          tiff: await pipeline.clone().tiff({ compression: 'lzw' }).toBuffer(),
          avif: await pipeline.clone().avif({ quality: 90 }).toBuffer(),
        }
        for (const [format, file] of Object.entries(files)) {
          for (const layout of ['HWC', 'CHW'] as const) {
            const image = await loadImage(file, { backend, layout })
            const { width, height } = expected
            assert.deepEqual(
              image.shape,
              layout === 'HWC' ? [height, width, 3] : [3, height, width],
              format,
            )
            const truth = layout === 'HWC' ? expected.data : planes(expected)
            const likeness = psnr(image.data, truth)
            assert.ok(likeness > 30, `${format} ${layout}: ${likeness.toFixed(1)} dB`)
          }
        }
      })
    }
  }

  it('turns before it fits: both backends alike, in every mode', async () => {
    for (const name of ['dogs-turned.jpg', 'drum-turned.jpg']) {
      for (const mode of ['pad', 'crop', 'stretch'] as const) {
        const [one, other] = await Promise.all(
          BACKENDS.map((backend) =>
            loadImage(photo(name), { width: 120, height: 90, mode, backend }),
          ),
        )
        assert.ok(psnr(one!.data, other!.data) > 32, `${name} ${mode}`)
      }
      const { shape } = await loadImage(photo(name), { width: 75 })
      assert.deepEqual(shape, [100, 75, 3])
    }
  })

  it('takes nonsense for 1', async () => {
    const file = await toSharp(stored).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const exif = file.indexOf('Exif\0\0')
    for (let i = exif + 6; i < exif + 60; i++) {
      const damaged = Buffer.from(file)
      damaged[i] = damaged[i]! ^ 0xff
      const { shape } = await loadImage(damaged, { backend: 'ffmpeg' })
      assert.ok(shape[0] === WIDTH || shape[0] === HEIGHT)
    }
  })
})

function planes({ data, width, height }: Pixels): Buffer {
  const size = width * height
  return Buffer.from(data.map((_, i) => data[(i % size) * 3 + Math.floor(i / size)]!))
}
