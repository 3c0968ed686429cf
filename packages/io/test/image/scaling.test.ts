import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import sharp from 'sharp'
import { loadImage, type NdArray, type ScaleAlgorithm } from '../../src/index.ts'
import { photo, psnr } from '../support.ts'

/** What Pillow makes of it; see fixtures/images/make.py. */
function expected(name: string): Promise<NdArray<'uint8'>> {
  return loadImage(new URL(`../fixtures/images/${name}.png`, import.meta.url))
}

const part = await sharp(photo('cat-1.png'))
  .extract({ left: 100, top: 60, width: 40, height: 30 })
  .png()
  .toBuffer()

/**
 * How near each comes to Pillow, in dB: made smaller by 4, and larger by 2. FFmpeg makes larger by
 * area as it does bilinearly.
 */
const near: Record<ScaleAlgorithm, readonly [number, number]> = {
  bilinear: [53, 50],
  bicubic: [50, 48],
  area: [50, 30],
  lanczos: [53, 50],
  nearest: [45, 60],
}

describe('scaling', () => {
  for (const [algorithm, [smaller, larger]] of Object.entries(near)) {
    it(`${algorithm}: as Pillow, to ${smaller} dB smaller and ${larger} dB larger`, async () => {
      const options = { width: 80, height: 60, algorithm: algorithm as ScaleAlgorithm }
      const small = await loadImage(photo('cat-1.png'), options)
      assert.ok(psnr(small.data, (await expected(`cat-80x60-${algorithm}`)).data) >= smaller)
      const large = await loadImage(part, options)
      assert.ok(psnr(large.data, (await expected(`cat-part-80x60-${algorithm}`)).data) >= larger)
    })
  }

  it('a JPEG comes to 49 dB of what Pillow makes of it', async () => {
    const { data } = await loadImage(photo('stream-1.jpg'), { width: 96, height: 72 })
    assert.ok(psnr(data, (await expected('stream-96x72')).data) >= 49)
  })

  it('shorter: the shorter side gets the length, the longer follows, nothing is cut off', async () => {
    const square = { mode: 'shorter', width: 60 } as const
    assert.deepEqual((await loadImage(photo('cat-1.png'), square)).shape, [60, 80, 3])
    assert.deepEqual((await loadImage(photo('dogs-portrait.jpg'), square)).shape, [80, 60, 3])
    assert.deepEqual(
      (await loadImage(photo('cat-1.png'), { mode: 'shorter', height: 60 })).shape,
      [60, 80, 3],
    )
    assert.deepEqual(
      (await loadImage(photo('cat-1.png'), { mode: 'shorter', width: 100, height: 60 })).shape,
      [75, 100, 3],
    )
    const [one, other] = await Promise.all(
      (['ffmpeg', 'sharp'] as const).map((backend) =>
        loadImage(photo('cat-1.png'), { ...square, backend }),
      ),
    )
    assert.ok(psnr(one!.data, other!.data) > 40)
  })

  it('sharp refuses to scale by area, the other backend does', async () => {
    await assert.rejects(loadImage(part, { algorithm: 'area', backend: 'sharp' }), {
      code: 'ERR_UNSUPPORTED',
    })
  })
})

describe('shrinking while decoding', () => {
  /** Each at the size where the most is lost: a quarter of the picture is 1.2 times as large. */
  const worst = {
    'mountains-large.jpg': [333, 250],
    'stream-large.jpg': [266, 200],
    'dandelions-large.jpg': [333, 187],
  } as const
  for (const [name, [width, height]] of Object.entries(worst)) {
    it(`${name}: 35 dB from the whole at the worst, and 40 at half of it`, async () => {
      for (const [part, least] of [
        [1, 35],
        [2, 40],
      ] as const) {
        const options = { width: width / part, height: height / part, mode: 'stretch' } as const
        const size = {
          width: Math.round(options.width),
          height: Math.round(options.height),
          mode: 'stretch',
        } as const
        const shrunk = await loadImage(photo(name), size)
        const whole = await loadImage(photo(name), { ...size, shrinkOnDecode: false })
        const likeness = psnr(shrunk.data, whole.data)
        assert.ok(likeness >= least && likeness < Infinity, `${likeness.toFixed(1)} dB`)
      }
    })
  }

  it('sharp decodes the whole where it is told to', async () => {
    const size = { width: 224, height: 224, mode: 'crop' } as const
    const [shrunk, whole, truth] = await Promise.all([
      loadImage(photo('mountains-large.jpg'), { ...size, backend: 'sharp' }),
      loadImage(photo('mountains-large.jpg'), { ...size, backend: 'sharp', shrinkOnDecode: false }),
      loadImage(photo('mountains-large.jpg'), {
        ...size,
        backend: 'ffmpeg',
        shrinkOnDecode: false,
      }),
    ])
    assert.ok(psnr(whole.data, truth.data) > psnr(shrunk.data, truth.data) + 3)
  })

  it('is done only where enough is left, and to large pictures', async () => {
    const large = photo('mountains-large.jpg')
    for (const [file, size] of [
      [large, { width: 334 }],
      [large, {}],
      [photo('stream-1.jpg'), { width: 50 }],
    ] as const) {
      const options = { ...size, mode: 'stretch' } as const
      const one = await loadImage(file, options)
      const whole = await loadImage(file, { ...options, shrinkOnDecode: false })
      assert.equal(psnr(one.data, whole.data), Infinity)
    }
  })

  it('is right for every kind of large JPEG, whatever its size is divisible by', async () => {
    const source = sharp(photo('mountains-large.jpg'))
    for (const [width, height] of [
      [1600, 1200],
      [1203, 905],
      [1161, 1003],
    ] as const) {
      const picture = source.clone().resize(width, height)
      const files = {
        grey: picture.clone().greyscale().jpeg(),
        progressive: picture.clone().jpeg({ progressive: true }),
        'whole colour': picture.clone().jpeg({ chromaSubsampling: '4:4:4' }),
        cmyk: picture.clone().toColourspace('cmyk').jpeg(),
        turned: picture.clone().withMetadata({ orientation: 6 }).jpeg(),
      }
      for (const [name, file] of Object.entries(files)) {
        const bytes = await file.toBuffer()
        for (const mode of ['pad', 'crop'] as const) {
          const options = { width: 130, height: 128, mode, layout: 'CHW' } as const
          const shrunk = await loadImage(bytes, options)
          const whole = await loadImage(bytes, { ...options, shrinkOnDecode: false })
          const likeness = psnr(shrunk.data, whole.data)
          assert.ok(likeness > 33, `${name} ${width}x${height} ${mode}: ${likeness.toFixed(1)} dB`)
        }
      }
    }
  })

  it('refuses a truncated file all the same', async () => {
    const whole = photo('dandelions-large.jpg')
    for (const share of [0.3, 0.9]) {
      const bytes = Buffer.concat([
        whole.subarray(0, Math.floor(whole.length * share)),
        Buffer.of(0xff, 0xd9),
      ])
      await assert.rejects(loadImage(bytes, { width: 99 }), { code: 'ERR_DECODE' })
    }
  })
})
