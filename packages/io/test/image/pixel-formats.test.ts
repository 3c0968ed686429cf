import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ImageLayout, loadImage, type NdArray } from '../../src/index.ts'
import { catPixels, type Pixels, paint, photo, psnr, toSharp } from '../support.ts'

const cat = await catPixels(64, 48)
const png = await toSharp(cat).png().toBuffer()
const turnedPng = await toSharp(cat).withMetadata({ orientation: 6 }).png().toBuffer()
const jpeg = photo('stream-1.jpg')

/** Luma and chroma of full range by BT.601 (JFIF 1.02, "Colour space"). */
function toYuv([r, g, b]: readonly number[]): [number, number, number] {
  const y = 0.299 * r! + 0.587 * g! + 0.114 * b!
  return [y, 128 + (b! - y) / 1.772, 128 + (r! - y) / 1.402]
}

function pixelsOf({ data }: Pixels): number[][] {
  return Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(i * 3, i * 3 + 3)])
}

/** The same image in the other order of axes. */
function toChw({ data, shape }: NdArray<'uint8' | 'uint16' | 'float32'>): number[] {
  const [height, width, channels] = shape as [number, number, number]
  const area = height * width
  return Array.from(
    { length: area * channels },
    (_, i) => data[(i % area) * channels + Math.floor(i / area)]!,
  )
}

describe('pixel formats', () => {
  const shapes = {
    rgb24: ['uint8', [48, 64, 3], [3, 48, 64]],
    bgr24: ['uint8', [48, 64, 3], [3, 48, 64]],
    rgba: ['uint8', [48, 64, 4], [4, 48, 64]],
    gray8: ['uint8', [48, 64, 1], [1, 48, 64]],
    gray16: ['uint16', [48, 64, 1], [1, 48, 64]],
  } as const
  for (const [pixelFormat, [dtype, hwc, chw]] of Object.entries(shapes)) {
    it(`${pixelFormat}: dtype and shapes, and one layout is the other transposed`, async () => {
      const load = (source: Buffer, layout: ImageLayout, size = {}) =>
        loadImage(source, { pixelFormat: pixelFormat as keyof typeof shapes, layout, ...size })
      const one = await load(png, 'HWC')
      assert.deepEqual([one.dtype, one.shape], [dtype, hwc])
      assert.deepEqual((await load(png, 'CHW')).shape, chw)
      for (const source of [png, turnedPng, jpeg]) {
        for (const size of [{}, { width: 50, height: 50 }, { width: 31, height: 17 }]) {
          const flat = await load(source, 'HWC', size)
          assert.deepEqual([...(await load(source, 'CHW', size)).data], toChw(flat))
        }
      }
    })
  }

  for (const backend of ['ffmpeg', 'sharp'] as const) {
    it(`${backend}: bgr24 is rgb24 with red and blue exchanged`, async () => {
      const [rgb, bgr] = await Promise.all(
        (['rgb24', 'bgr24'] as const).map((pixelFormat) =>
          loadImage(png, { pixelFormat, backend }),
        ),
      )
      for (let i = 0; i < rgb!.data.length; i += 3) {
        assert.deepEqual(
          [...bgr!.data.subarray(i, i + 3)],
          [...rgb!.data.subarray(i, i + 3)].reverse(),
        )
      }
    })

    it(`${backend}: gray8 is the luma of BT.601, within 1`, async () => {
      const { data } = await loadImage(png, { pixelFormat: 'gray8', backend })
      for (const [i, rgb] of pixelsOf(cat).entries())
        assert.ok(Math.abs(data[i]! - toYuv(rgb)[0]) <= 1)
    })

    it(`${backend}: rgba has the file's alpha, or 255, and nothing around a padded picture`, async () => {
      const alpha = Buffer.from(Array.from({ length: 64 * 48 }, (_, i) => i & 255))
      const raw = { width: 64, height: 48, channels: 1 } as const
      const file = await toSharp(cat).joinChannel(alpha, { raw }).png().toBuffer()
      const options = { pixelFormat: 'rgba', backend } as const
      const { data } = await loadImage(file, options)
      for (const [i, rgb] of pixelsOf(cat).entries())
        assert.deepEqual([...data.subarray(i * 4, i * 4 + 4)], [...rgb, i & 255])
      const opaque = await loadImage(png, { ...options, width: 64, height: 64 })
      assert.deepEqual([...opaque.data.subarray(0, 4)], [0, 0, 0, 0])
      assert.equal(opaque.data[(32 * 64 + 32) * 4 + 3], 255)
    })
  }

  it('gray16 keeps what a 16-bit file holds, and spreads 8 bits over the whole range', async () => {
    const deep = Uint16Array.from({ length: 64 * 48 }, (_, i) => (i * 21) & 0xffff)
    const { default: sharp } = await import('sharp')
    const file = await sharp(deep, { raw: { width: 64, height: 48, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer()
    assert.deepEqual((await loadImage(file, { pixelFormat: 'gray16' })).data, deep)
    const white = await toSharp(paint(4, 4, () => [255, 255, 255]))
      .greyscale()
      .png()
      .toBuffer()
    const { data } = await loadImage(white, { pixelFormat: 'gray16' })
    assert.ok(
      data.every((value) => value >= 0xff00),
      `${data[0]}`,
    )
  })

  it('yuv420p and nv12: luma within 1, chroma within 2 of the mean of four pixels; black around', async () => {
    const flat = paint(64, 48, (x, y) =>
      x < 32 ? [200, 40, 90] : y < 24 ? [10, 220, 30] : [30, 60, 250],
    )
    const file = await toSharp(flat).png().toBuffer()
    const yuv = await loadImage(file, { pixelFormat: 'yuv420p' })
    assert.deepEqual([yuv.dtype, yuv.shape], ['uint8', [72, 64]])
    for (let y = 0; y < 48; y++) {
      for (let x = 0; x < 64; x++) {
        const expected = toYuv([...flat.data.subarray((y * 64 + x) * 3, (y * 64 + x) * 3 + 3)])
        assert.ok(Math.abs(yuv.data[y * 64 + x]! - expected[0]) <= 1)
        if ((x >> 1) % 16 > 13 || (y >> 1) % 12 > 10 || (x >> 1) % 16 < 1 || (y >> 1) % 12 < 1)
          continue
        const chroma = 64 * 48 + (y >> 1) * 32 + (x >> 1)
        assert.ok(Math.abs(yuv.data[chroma]! - expected[1]) <= 2)
        assert.ok(Math.abs(yuv.data[chroma + 32 * 24]! - expected[2]) <= 2)
      }
    }
    for (const options of [
      {},
      { width: 64, height: 64 },
      { width: 40, height: 20, mode: 'crop' },
    ] as const) {
      for (const source of [file, turnedPng, jpeg]) {
        const planes = await loadImage(source, { pixelFormat: 'yuv420p', ...options })
        const { data, shape } = await loadImage(source, { pixelFormat: 'nv12', ...options })
        assert.deepEqual(shape, planes.shape)
        const luma = (data.length / 3) * 2
        assert.deepEqual(data.subarray(0, luma), planes.data.subarray(0, luma))
        const quarter = luma / 4
        for (let i = 0; i < quarter; i++) {
          assert.equal(data[luma + 2 * i], planes.data[luma + i])
          assert.equal(data[luma + 2 * i + 1], planes.data[luma + quarter + i])
        }
      }
    }
    const padded = await loadImage(file, { pixelFormat: 'yuv420p', width: 64, height: 64 })
    assert.deepEqual(
      [padded.data[0], padded.data[64 * 64], padded.data[64 * 64 + 32 * 32]],
      [0, 128, 128],
    )
  })

  it('yuv420p turns with the picture, and an odd picture becomes even', async () => {
    const upright = await loadImage(turnedPng, { pixelFormat: 'yuv420p' })
    assert.deepEqual(upright.shape, [96, 48])
    const rgb = await loadImage(turnedPng)
    const sure = rgb.data.subarray(0, 3)
    assert.ok(Math.abs(upright.data[0]! - toYuv([...sure])[0]) <= 1)
    const odd = await toSharp(paint(33, 17, () => [9, 9, 9]))
      .png()
      .toBuffer()
    assert.deepEqual((await loadImage(odd, { pixelFormat: 'nv12' })).shape, [24, 32])
    const dot = await toSharp(paint(1, 1, () => [255, 255, 255]))
      .png()
      .toBuffer()
    assert.deepEqual(
      [...(await loadImage(dot, { pixelFormat: 'yuv420p' })).data],
      [255, 255, 255, 255, 128, 128],
    )
  })

  it('sharp says which formats are for the other backend', async () => {
    for (const pixelFormat of ['yuv420p', 'nv12', 'gray16'] as const) {
      await assert.rejects(loadImage(png, { pixelFormat, backend: 'sharp' }), {
        code: 'ERR_UNSUPPORTED',
        message: `\`pixelFormat: '${pixelFormat}'\` needs the ffmpeg backend`,
      })
    }
  })
})

describe('normalising', () => {
  const mean = [0.485, 0.456, 0.406]
  const std = [0.229, 0.224, 0.225]
  for (const backend of ['ffmpeg', 'sharp'] as const) {
    for (const layout of ['HWC', 'CHW'] as const) {
      it(`${backend} ${layout}: (value / 255 - mean) / std, of black too`, async () => {
        const size = { width: 40, height: 40 }
        const plain = await loadImage(png, { ...size, layout, backend })
        const image = await loadImage(png, { ...size, layout, backend, normalize: { mean, std } })
        assert.equal(image.dtype, 'float32')
        assert.ok(image.data instanceof Float32Array)
        assert.deepEqual(image.shape, plain.shape)
        for (const [i, value] of plain.data.entries()) {
          const c = layout === 'HWC' ? i % 3 : Math.floor(i / 1600)
          const expected = (value / 255 - mean[c]!) / std[c]!
          assert.ok(
            Math.abs(image.data[i]! - expected) < 1e-5,
            `${i}: ${image.data[i]} for ${expected}`,
          )
        }
      })
    }
  }

  it('takes one number for all channels, gives 0..1 by default, and knows the range of 16 bits', async () => {
    const unit = await loadImage(png, { normalize: {} })
    assert.ok(unit.data.every((value) => value >= 0 && value <= 1))
    const grey = await loadImage(png, { pixelFormat: 'gray8', normalize: { mean: 0.5, std: 0.5 } })
    assert.deepEqual(grey.shape, [48, 64, 1])
    const deep = await loadImage(png, { pixelFormat: 'gray16', normalize: { mean: 0.5, std: 0.5 } })
    assert.ok(
      psnr(
        Uint8Array.from(grey.data, (v) => 127 + 127 * v),
        Uint8Array.from(deep.data, (v) => 127 + 127 * v),
      ) > 45,
    )
  })

  it('turns with the picture', async () => {
    const plain = await loadImage(turnedPng)
    const image = await loadImage(turnedPng, { normalize: {} })
    for (const [i, value] of plain.data.entries())
      assert.ok(Math.abs(image.data[i]! - value / 255) < 1e-6)
  })
})
