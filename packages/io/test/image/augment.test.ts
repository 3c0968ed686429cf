import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Rng } from 'spindle'
import { draw, partOf } from '../../src/image/augment.ts'
import { compose, type Orientation, storedPart } from '../../src/image/orientation.ts'
import { type AugmentOptions, loadImage, loadImageBatch } from '../../src/index.ts'
import { loadImageSync } from '../../src/sync.ts'
import { paint, photo, pixel, toSharp } from '../support.ts'

/** A picture whose colours say where a pixel comes from: red its column, green its row. */
const map = await toSharp(paint(200, 100, (x, y) => [x, 2 * y, 77]))
  .png()
  .toBuffer()
const turnedMap = await toSharp(paint(200, 100, (x, y) => [x, 2 * y, 77]))
  .withMetadata({ orientation: 6 })
  .png()
  .toBuffer()

const orientation = fc.constantFrom<Orientation>(1, 2, 3, 4, 5, 6, 7, 8)

describe('orientations', () => {
  it('compose as turns of a square do: a group of eight', () => {
    fc.assert(
      fc.property(orientation, orientation, orientation, (a, b, c) => {
        assert.equal(compose(compose(a, b), c), compose(a, compose(b, c)))
        assert.equal(compose(1, a), a)
        assert.equal(compose(a, 1), a)
      }),
    )
    assert.equal(compose(6, 6), 3)
    assert.equal(compose(6, 8), 1)
    assert.equal(compose(2, 4), 3)
    for (const mirror of [2, 4, 5, 7] as const) assert.equal(compose(mirror, mirror), 1)
  })

  it('a part of what is shown lies in what is stored with the same size, and inside', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(orientation, share, share, share, share, (turned, w, h, x, y) => {
        const part = { width: w, height: h, left: (1 - w) * x, top: (1 - h) * y }
        const stored = storedPart(part, turned)
        assert.ok(Math.abs(stored.width * stored.height - w * h) < 1e-9)
        assert.ok(stored.left > -1e-9 && stored.left + stored.width < 1 + 1e-9)
        assert.ok(stored.top > -1e-9 && stored.top + stored.height < 1 + 1e-9)
      }),
    )
  })
})

describe('augmentation', () => {
  it('draws within its ranges, the same from the same generator', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 1, max: 4000 }),
        (seed, width, height) => {
          const augment: AugmentOptions = {
            crop: true,
            flipHorizontal: 0.5,
            flipVertical: 0.5,
            quarterTurns: true,
            rotate: 20,
          }
          const drawn = draw(augment, Rng.from(seed))
          assert.deepEqual(drawn, draw(augment, Rng.from(seed)))
          assert.ok(Math.abs(drawn.degrees) <= 20)
          const { left, top, width: w, height: h } = partOf({ width, height }, drawn.part!)
          assert.ok(left >= -1e-9 && top >= -1e-9 && left + w <= 1 + 1e-9 && top + h <= 1 + 1e-9)
          const aspect = (w * width) / (h * height)
          assert.ok(aspect > 0.749 && aspect < 1.334, `${aspect}`)
          assert.ok(w * h <= 1 + 1e-9)
        },
      ),
    )
  })

  it('spreads evenly: mirrored half of the time, areas and places over their ranges', () => {
    const rng = Rng.from(3)
    const drawn = Array.from({ length: 4000 }, () =>
      draw({ crop: true, flipHorizontal: 0.5, quarterTurns: true }, rng),
    )
    const mean = (of: (d: (typeof drawn)[number]) => number): number =>
      drawn.reduce((sum, d) => sum + of(d), 0) / drawn.length
    assert.ok(Math.abs(mean((d) => ([2, 4, 5, 7].includes(d.turned) ? 1 : 0)) - 0.5) < 0.03)
    assert.ok(Math.abs(mean((d) => d.part!.area) - 0.54) < 0.02)
    assert.ok(Math.abs(mean((d) => Math.log(d.part!.aspect))) < 0.02)
    assert.ok(Math.abs(mean((d) => d.part!.x) - 0.5) < 0.02)
    for (const turned of [1, 6, 3, 8])
      assert.ok(Math.abs(mean((d) => (d.turned === turned ? 1 : 0)) - 0.125) < 0.03)
  })

  for (const backend of ['ffmpeg', 'sharp'] as const) {
    it(`${backend}: gives the part that was drawn, stretched to the size`, async () => {
      for (const [file, size] of [
        [map, { width: 200, height: 100 }],
        [turnedMap, { width: 100, height: 200 }],
      ] as const) {
        for (let seed = 0; seed < 12; seed++) {
          const augment: AugmentOptions = { crop: { area: [0.2, 0.8] }, flipHorizontal: seed % 2 }
          const { part } = draw(augment, Rng.from(seed))
          const { left, top, width, height } = partOf(size, part!)
          const image = await loadImage(file, {
            width: 40,
            height: 40,
            augment,
            rng: Rng.from(seed),
            backend,
          })
          assert.deepEqual(image.shape, [40, 40, 3])
          for (const [x, y] of [
            [2, 2],
            [20, 20],
            [37, 10],
          ] as const) {
            // Where the middle of that pixel comes from, in the picture as it is shown without the
            // mirror.
            const shownX = seed % 2 === 1 ? 39 - x : x
            const column = (left + ((shownX + 0.5) / 40) * width) * size.width
            const row = (top + ((y + 0.5) / 40) * height) * size.height
            // A mirrored picture is cut from the mirror image, so columns count from the other
            // side.
            const fromLeft =
              seed % 2 === 1 ? size.width - (left + ((x + 0.5) / 40) * width) * size.width : column
            const [storedX, storedY] = file === map ? [fromLeft, row] : [row, 100 - fromLeft]
            const [red, green] = pixel(image, x, y)
            assert.ok(
              Math.abs(red! + 0.5 - storedX) < 2.5,
              `seed ${seed} at ${x},${y}: column ${red} for ${storedX}`,
            )
            assert.ok(
              Math.abs(green! / 2 + 0.5 - storedY) < 2.5,
              `seed ${seed} at ${x},${y}: row ${green! / 2} for ${storedY}`,
            )
          }
        }
      }
    })
  }

  it('gives the same for the same generator: alone, synchronously, and in a batch', async () => {
    const augment: AugmentOptions = { crop: true, flipHorizontal: 0.5, rotate: 10 }
    const size = { width: 48, height: 48, layout: 'CHW' } as const
    const sources = [photo('stream-1.jpg'), photo('cat-1.png'), photo('dogs-turned.jpg')]
    const batch = await loadImageBatch(sources, { ...size, augment, rng: Rng.from(5) })
    const rng = Rng.from(5)
    for (const [row, source] of sources.entries()) {
      const state = Rng.from(5)
      for (let i = 0; i < row; i++) draw(augment, state)
      const alone = await loadImage(source, { ...size, augment, rng })
      assert.deepEqual(alone.data, batch.data.subarray(row * 6912, (row + 1) * 6912))
      assert.deepEqual(loadImageSync(source, { ...size, augment, rng: state }).data, alone.data)
    }
  })

  it('rotates about the centre, clockwise for one sign, with black corners', async () => {
    const white = await toSharp(paint(64, 64, (x) => (x < 32 ? [255, 0, 0] : [0, 0, 255])))
      .png()
      .toBuffer()
    let isSeen = 0
    for (let seed = 0; seed < 8; seed++) {
      const augment = { rotate: 90 }
      const { degrees } = draw(augment, Rng.from(seed))
      for (const layout of ['HWC', 'CHW'] as const) {
        const image = await loadImage(white, { augment, rng: Rng.from(seed), layout })
        const at = (x: number, y: number): number[] =>
          layout === 'HWC'
            ? pixel(image, x, y)
            : [0, 1, 2].map((c) => image.data[c * 4096 + y * 64 + x]!)
        const angle = Math.abs(degrees) % 90
        if (angle > 25 && angle < 65) assert.deepEqual(at(0, 0), [0, 0, 0])
        // A point right of the centre turns clockwise, which is downwards.
        const [x, y] = [
          32 + 20 * Math.cos((degrees * Math.PI) / 180),
          32 + 20 * Math.sin((degrees * Math.PI) / 180),
        ]
        assert.ok(at(Math.floor(x), Math.floor(y))[2]! > 250, `${degrees}`)
        isSeen += 1
      }
    }
    assert.equal(isSeen, 16)
    await assert.rejects(
      loadImage(white, { augment: { rotate: 9 }, rng: Rng.from(1), backend: 'sharp' }),
      {
        code: 'ERR_UNSUPPORTED',
      },
    )
  })

  it('mirrors exactly, in every layout and pixel format', async () => {
    for (const pixelFormat of ['rgb24', 'rgba', 'gray8', 'yuv420p', 'nv12'] as const) {
      const plain = await loadImage(map, { pixelFormat, width: 48, height: 24 })
      const flipped = await loadImage(map, {
        ...{ pixelFormat, width: 48, height: 24 },
        ...{ augment: { flipHorizontal: 1, flipVertical: 1 }, rng: Rng.from(1) },
      })
      const [height, width, channels = 1] = plain.shape as [number, number, number?]
      const rows = pixelFormat === 'yuv420p' || pixelFormat === 'nv12' ? 24 : height
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < width; x++) {
          for (let c = 0; c < channels; c++) {
            const mirrored = plain.data[((rows - 1 - y) * width + (width - 1 - x)) * channels + c]
            assert.equal(flipped.data[(y * width + x) * channels + c], mirrored)
          }
        }
      }
    }
  })
})
