import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import sharp from 'sharp'
import { loadImage } from '../../src/index.ts'
import { paint, photo, psnr, toSharp } from '../support.ts'

const file = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url))

/** The moving rectangle of fixtures/images/make.py: its colour inside, `undefined` outside. */
function moving(i: number, x: number, y: number): number[] | undefined {
  const isInside = x >= 4 * i && x < 4 * i + 16 && y >= 3 * i && y < 3 * i + 12
  return isInside ? [60 * i, 200 - 40 * i, 90] : undefined
}

describe('animations', () => {
  for (const name of ['moving.webp', 'moving.png', 'moving.gif']) {
    it(`${name}: every picture, whole, with what was left or cleared`, async () => {
      const { data, shape } = await loadImage(file(name), { frames: 'all', pixelFormat: 'rgba' })
      assert.deepEqual(shape, [4, 30, 40, 4])
      for (let i = 0; i < 4; i++) {
        for (let y = 0; y < 30; y++) {
          for (let x = 0; x < 40; x++) {
            const at = ((i * 30 + y) * 40 + x) * 4
            const expected = moving(i, x, y)
            if (expected === undefined) assert.equal(data[at + 3], 0, `${i}: ${x},${y}`)
            else assert.deepEqual([...data.subarray(at, at + 4)], [...expected, 255])
          }
        }
      }
    })

    it(`${name}: scaled, in the other layout, to float; and the first alone by default`, async () => {
      const options = { width: 20, height: 15, layout: 'CHW', normalize: {} } as const
      const all = await loadImage(file(name), { ...options, frames: 'all' })
      assert.deepEqual([all.dtype, ...all.shape], ['float32', 4, 3, 15, 20])
      const first = await loadImage(file(name), options)
      assert.deepEqual(first.shape, [3, 15, 20])
      // The middle of the rectangle; around it, formats differ in the colours of what is
      // transparent.
      for (const c of [0, 1, 2])
        assert.equal(first.data[c * 300 + 2 * 20 + 3], all.data[c * 300 + 2 * 20 + 3])
    })

    it(`${name}: a truncated one is an error, wherever it ends`, async () => {
      const whole = file(name)
      const outcomes = await Promise.allSettled(
        Array.from({ length: whole.length - 1 }, (_, length) =>
          loadImage(whole.subarray(0, length), { frames: 'all' }),
        ),
      )
      const passed = outcomes.flatMap(({ status }, length) =>
        status === 'fulfilled' ? [length] : [],
      )
      // Of PNG the end chunk may lack its checksum; the pixels are all there.
      assert.ok(
        passed.every((length) => length >= whole.length - 4),
        `${passed}`,
      )
    })
  }

  it('blends what is transparent in part, as libwebp does', async () => {
    const pictures = await Promise.all(
      [0, 1, 2].map((i) =>
        sharp(
          Buffer.from(
            Array.from({ length: 20 * 20 * 4 }, (_, k) =>
              k % 4 === 3 ? 90 + 40 * i : (k * 7 * (i + 1)) & 255,
            ),
          ),
          {
            raw: { width: 20, height: 20, channels: 4 },
          },
        )
          .png()
          .toBuffer(),
      ),
    )
    const animation = await sharp(pictures, { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer()
    const truth = await sharp(animation, { pages: -1 }).raw().toBuffer()
    const { data, shape } = await loadImage(animation, { frames: 'all', pixelFormat: 'rgba' })
    assert.deepEqual(shape, [3, 20, 20, 4])
    assert.ok(psnr(data, truth) > 45, `${psnr(data, truth)}`)
  })

  it('is no matter for files with one picture: there is one', async () => {
    for (const [name, shape] of [
      ['cat-1.png', [1, 240, 320, 3]],
      ['cat-small.jpg', [1, 120, 160, 3]],
      ['temple-1.gif', [1, 180, 240, 3]],
    ] as const) {
      assert.deepEqual((await loadImage(photo(name), { frames: 'all' })).shape, shape)
    }
  })

  it('sharp says that it is for the other backend', async () => {
    const png = await toSharp(paint(4, 4, () => [1, 2, 3]))
      .png()
      .toBuffer()
    await assert.rejects(loadImage(png, { frames: 'all', backend: 'sharp' }), {
      code: 'ERR_UNSUPPORTED',
      message: "`frames: 'all'` needs the ffmpeg backend",
    })
  })
})
