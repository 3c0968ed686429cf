import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { type Frame, placeScaled, scaledSize } from '../../src/base/geometry.ts'
import { loadImage } from '../../src/index.ts'
import { BACKENDS, paint, photo, pixel, psnr, toSharp } from '../support.ts'

const target = (mode: Frame['mode'], width?: number, height?: number): Frame => ({
  width,
  height,
  mode,
})

describe('geometry', () => {
  it('pads: the whole picture, centred, the odd pixel below and to the right', () => {
    const scaled = scaledSize({ width: 500, height: 375 }, target('pad', 224, 225))
    assert.deepEqual(scaled, { width: 224, height: 168 })
    const { left, top, copied, cropLeft, cropTop } = placeScaled(scaled, target('pad', 224, 225))
    assert.deepEqual(
      { left, top, copied, cropLeft, cropTop },
      { left: 0, top: 28, copied: scaled, cropLeft: 0, cropTop: 0 },
    )
  })

  it('crops: covers the frame, cuts both sides alike', () => {
    const scaled = scaledSize({ width: 500, height: 375 }, target('crop', 224, 224))
    assert.deepEqual(scaled, { width: 298, height: 224 })
    const placement = placeScaled(scaled, target('crop', 224, 224))
    assert.deepEqual(placement.copied, { width: 224, height: 224 })
    assert.equal(placement.cropLeft, 37)
    assert.equal(placement.left, 0)
  })

  it('keeps the aspect ratio when one side is given, and the size when none is', () => {
    const picture = { width: 500, height: 375 }
    assert.deepEqual(scaledSize(picture, target('pad', 100)), { width: 100, height: 75 })
    assert.deepEqual(scaledSize(picture, target('crop', undefined, 100)), {
      width: 133,
      height: 100,
    })
    assert.deepEqual(scaledSize(picture, target('stretch')), picture)
    assert.deepEqual(scaledSize({ width: 1000, height: 1 }, target('pad', 10)), {
      width: 10,
      height: 1,
    })
  })

  it('refuses a crop that would need an enormous picture in between', () => {
    assert.throws(() => scaledSize({ width: 30000, height: 1 }, target('crop', 224, 224)), {
      code: 'ERR_UNSUPPORTED',
    })
  })

  it('always fills the frame: the law of padding and cropping', () => {
    const side = fc.integer({ min: 1, max: 3000 })
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.constantFrom('pad', 'crop', 'stretch'),
        (w, h, W, H, mode) => {
          const stretch = Math.max((w / h) * (H / W), (h / w) * (W / H))
          fc.pre(mode !== 'crop' || stretch * W * H < 2e8)
          const scaled = scaledSize({ width: w, height: h }, target(mode, W, H))
          const { output, copied } = placeScaled(scaled, target(mode, W, H))
          assert.deepEqual(output, { width: W, height: H })
          if (mode === 'pad') assert.deepEqual(copied, scaled)
          else assert.deepEqual(copied, output)
          assert.ok(scaled.width === W || scaled.height === H)
        },
      ),
    )
  })

  for (const backend of BACKENDS) {
    it(`${backend}: black above and below, and nowhere else`, async () => {
      const png = await toSharp(paint(40, 20, () => [200, 100, 50]))
        .png()
        .toBuffer()
      const image = await loadImage(png, { width: 32, height: 32, mode: 'pad', backend })
      assert.deepEqual(image.shape, [32, 32, 3])
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          assert.deepEqual(
            pixel(image, x, y),
            y >= 8 && y < 24 ? [200, 100, 50] : [0, 0, 0],
            `${x},${y}`,
          )
        }
      }
    })

    it(`${backend}: the middle of what is cropped`, async () => {
      const stripes = paint(90, 30, (x) =>
        x < 30 ? [255, 0, 0] : x < 60 ? [0, 255, 0] : [0, 0, 255],
      )
      const image = await loadImage(await toSharp(stripes).png().toBuffer(), {
        width: 30,
        height: 30,
        mode: 'crop',
        backend,
      })
      for (let i = 1; i < 29; i++) assert.deepEqual(pixel(image, i, i), [0, 255, 0])
    })

    it(`${backend}: does not resample what has the right size`, async () => {
      const noise = paint(33, 17, (x, y) => [(x * 37 + y) & 255, (x * y) & 255, (y * 91) & 255])
      const png = await toSharp(noise).png().toBuffer()
      for (const options of [{}, { width: 33 }, { width: 33, height: 17 }]) {
        const image = await loadImage(png, { ...options, backend })
        assert.deepEqual(image.shape, [17, 33, 3])
        assert.deepEqual(Buffer.from(image.data), noise.data)
      }
    })

    it(`${backend}: one layout is the other transposed, in every mode and with odd sizes`, async () => {
      const png = await toSharp(paint(61, 43, (x, y) => [x * 4, y * 5, (x * y) & 255]))
        .png()
        .toBuffer()
      for (const mode of ['pad', 'crop', 'stretch'] as const) {
        for (const [width, height] of [
          [29, 31],
          [64, 17],
          [7, 50],
        ] as const) {
          const hwc = await loadImage(png, { width, height, mode, backend })
          const chw = await loadImage(png, { width, height, mode, backend, layout: 'CHW' })
          assert.deepEqual(chw.shape, [3, height, width])
          for (let i = 0; i < width * height; i++) {
            for (let c = 0; c < 3; c++)
              assert.equal(chw.data[c * width * height + i], hwc.data[i * 3 + c])
          }
        }
      }
    })
  }

  it('both backends put the same pixels in the same place', async () => {
    const side = fc.integer({ min: 1, max: 70 })
    const mode = fc.constantFrom('pad', 'crop', 'stretch')
    await fc.assert(
      fc.asyncProperty(
        side,
        side,
        side,
        side,
        mode,
        fc.boolean(),
        async (w, h, width, height, mode, isJpeg) => {
          const white = toSharp(paint(w, h, () => [255, 255, 255]))
          const bytes = await (isJpeg ? white.jpeg() : white.png()).toBuffer()
          const options = { width, height, mode }
          const [one, other] = await Promise.all(
            BACKENDS.map((backend) => loadImage(bytes, { ...options, backend })),
          )
          assert.deepEqual(one?.shape, other?.shape)
          const isLit = (value: number): boolean => value > 127
          assert.deepEqual(Array.from(one?.data ?? [], isLit), Array.from(other?.data ?? [], isLit))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('pictures of their own size are whole, whatever their width', async () => {
    for (const [w, h] of [
      [17, 8],
      [18, 8],
      [19, 10],
      [33, 8],
      [501, 374],
    ] as const) {
      const bytes = await toSharp(paint(w, h, () => [255, 255, 255]))
        .jpeg()
        .toBuffer()
      for (const layout of ['HWC', 'CHW'] as const) {
        const { data } = await loadImage(bytes, { layout, backend: 'ffmpeg' })
        assert.ok(
          data.every((value) => value > 250),
          `${w} x ${h} ${layout}`,
        )
      }
    }
  })
})

/**
 * Made by scripts/truth/geometry.py: what torchvision and Hugging Face make of photographs of many
 * shapes.
 */
const truth = JSON.parse(
  readFileSync(new URL('../truth/geometry.json', import.meta.url), 'utf8'),
) as {
  readonly side: number
  readonly cases: readonly {
    readonly photo: readonly [number, number, number, number]
    readonly shorter: readonly [number, number]
    /** First column and row of the crop. */
    readonly torchvision: readonly [number, number]
    readonly huggingFace: readonly [number, number]
    readonly pixels: string
  }[]
}

describe('photographs as torchvision and Hugging Face bring them to size', () => {
  const { side, cases } = truth
  const whole = sharp(photo('cat-1.png')).removeAlpha()

  for (const backend of BACKENDS) {
    it(`${backend}: ${cases.length} shapes, the shorter side and the crop`, async () => {
      for (const { photo, shorter, huggingFace, pixels } of cases) {
        const [left, top, width, height] = photo
        const [wide, high] = shorter
        const name = `${width}x${height}`
        // libvips makes larger by another filter at the edges.
        const least = backend === 'sharp' && Math.min(width, height) < side ? 33 : 45
        const file = await whole.clone().extract({ left, top, width, height }).png().toBuffer()
        const expected = Buffer.from(pixels, 'base64')
        const scaled = await loadImage(file, { width: side, mode: 'shorter', backend })
        assert.deepEqual(scaled.shape, [high, wide, 3], name)
        assert.ok(psnr(scaled.data, expected) > least, `${name}: ${psnr(scaled.data, expected)} dB`)
        const cropped = await loadImage(file, { width: side, height: side, mode: 'crop', backend })
        const cut = Buffer.alloc(side * side * 3)
        for (let y = 0; y < side; y++) {
          const from = ((huggingFace[1] + y) * wide + huggingFace[0]) * 3
          expected.copy(cut, y * side * 3, from, from + side * 3)
        }
        assert.ok(
          psnr(cropped.data, cut) > least,
          `${name}, cropped: ${psnr(cropped.data, cut)} dB`,
        )
      }
    })
  }

  it('crops begin where those of Hugging Face do; those of torchvision one later if it cuts off 3, 7, 11 …', () => {
    for (const { shorter, torchvision, huggingFace } of cases) {
      const size = { width: shorter[0], height: shorter[1] }
      const { cropLeft, cropTop } = placeScaled(size, target('crop', side, side))
      assert.deepEqual([cropLeft, cropTop], huggingFace)
      const later = shorter.map((length) => ((length - side) % 4 === 3 ? 1 : 0))
      assert.deepEqual([cropLeft + later[0]!, cropTop + later[1]!], torchvision)
    }
  })
})
