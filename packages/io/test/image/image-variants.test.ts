import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { loadImage, MediaError, probe } from '../../src/index.ts'
import { loadImageSync } from '../../src/sync.ts'
import { BACKENDS, psnr } from '../support.ts'

/** How near a backend must come, in dB; `inf` for equal, an error's code, or `any`. */
type Least = number | 'inf' | 'any' | 'ERR_UNSUPPORTED'

interface Variant {
  readonly file: string
  readonly shape: [number, number, number]
  readonly picture: string
  readonly ffmpeg: Least
  readonly sharp: Least
  readonly alpha?: string
}

interface Animation {
  readonly file: string
  readonly shape: [number, number, number, number]
  readonly rgba: string
}

/**
 * Made by scripts/truth/images.py: what Pillow reads, or what the file was made of where Pillow
 * cannot read it.
 */
const truth = JSON.parse(
  readFileSync(new URL('../truth/images.json', import.meta.url), 'utf8'),
) as {
  readonly pictures: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, Variant>>
  readonly animations: Readonly<Record<string, Animation>>
}
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64')

/** What is wrong with an image, or with the error in its place; `undefined` if nothing is. */
async function fault(
  name: string,
  variant: Variant,
  backend: 'ffmpeg' | 'sharp',
): Promise<string | undefined> {
  const { file, shape, picture } = variant
  const least = variant[backend]
  const outcome = await loadImage(bytesOf(file), { backend }).catch((error: unknown) => error)
  if (least === 'any') return undefined
  if (outcome instanceof MediaError) {
    const isRight =
      outcome.code === least && /; |the (?:ffmpeg|sharp) backend|needs Node/.test(outcome.message)
    return isRight ? undefined : `${name}: ${outcome.code} ${outcome.message}`
  }
  if (least === 'ERR_UNSUPPORTED') return `${name}: is not refused`
  const image = outcome as Awaited<ReturnType<typeof loadImage>>
  assert.deepEqual(image.shape, shape, name)
  const likeness = psnr(image.data as Uint8Array, bytesOf(truth.pictures[picture]!))
  return likeness >= (least === 'inf' ? Infinity : least)
    ? undefined
    : `${name}: ${likeness.toFixed(1)} dB`
}

describe('variants of image formats', () => {
  const kinds = new Set(Object.keys(truth.files).map((name) => name.split(' ')[0]!))
  for (const backend of BACKENDS) {
    for (const kind of kinds) {
      const variants = Object.entries(truth.files).filter(([name]) => name.split(' ')[0] === kind)
      it(`${backend}: ${variants.length} of ${kind} are as Pillow has them, or refused by name`, async () => {
        const faults = await Promise.all(variants.map(([name, one]) => fault(name, one, backend)))
        assert.deepEqual(
          faults.filter((one) => one !== undefined),
          [],
        )
      })
    }
  }

  it('probe tells the size of all of them', async () => {
    for (const [name, { file, shape }] of Object.entries(truth.files)) {
      const info = await probe(bytesOf(file))
      assert.ok(info.kind === 'image', name)
      assert.deepEqual([info.height, info.width], shape.slice(0, 2), name)
    }
  })

  it('the backends keep alpha alike', async () => {
    for (const name of ['png palette and tRNS', 'png 16 bits and alpha', 'tiff alpha tiles']) {
      const file = bytesOf(truth.files[name]!.file)
      const [one, other] = await Promise.all(
        BACKENDS.map((backend) => loadImage(file, { backend, pixelFormat: 'rgba' })),
      )
      assert.ok(psnr(one!.data, other!.data) > 50, name)
    }
  })

  it('colours of a matrix that a backend does not know are refused by name', async () => {
    const file = bytesOf(truth.files['avif matrix 1']!.file)
    const at = file.indexOf('nclx')
    for (const [matrix, name, bySharp] of [
      [8, 'YCgCo', true],
      [10, 'BT.2020', false],
      [13, 'chromaticity', false],
      [14, 'ICtCp', false],
    ] as const) {
      file.writeUInt16BE(matrix, at + 8)
      const refusal = { code: 'ERR_UNSUPPORTED', message: new RegExp(`${name}.*matrix ${matrix}`) }
      await assert.rejects(loadImage(file, { backend: 'ffmpeg' }), refusal)
      if (bySharp) await loadImage(file, { backend: 'sharp' })
      else await assert.rejects(loadImage(file, { backend: 'sharp' }), refusal)
    }
  })

  it('AVIF and HEIC have their alpha', () => {
    for (const [name, { file, alpha }] of Object.entries(truth.files)) {
      if (alpha === undefined) continue
      const { data } = loadImageSync(bytesOf(file), { pixelFormat: 'rgba' })
      assert.ok(
        psnr(
          data.filter((_, i) => i % 4 === 3),
          bytesOf(alpha),
        ) > 45,
        name,
      )
    }
  })
})

describe('animations, picture by picture', () => {
  for (const [name, { file, shape, rgba }] of Object.entries(truth.animations)) {
    it(`${name}: all pictures as Pillow has them`, async () => {
      const expected = bytesOf(rgba)
      const all = await loadImage(bytesOf(file), { frames: 'all', pixelFormat: 'rgba' })
      assert.deepEqual(all.shape, shape)
      assert.deepEqual(Buffer.from(all.data), expected)
      const rgb = await loadImage(bytesOf(file), { frames: 'all' })
      assert.deepEqual(
        [...rgb.data],
        [...expected].filter((_, i) => i % 4 !== 3),
      )
    })
  }

  it('the first picture of a GIF is the same with both backends, its transparent pixels too', async () => {
    for (const [name, { file, shape, rgba }] of Object.entries(truth.animations)) {
      if (!name.startsWith('gif')) continue
      const [, height, width] = shape
      const expected = bytesOf(rgba).subarray(0, height * width * 4)
      for (const backend of BACKENDS) {
        const { data } = await loadImage(bytesOf(file), { backend })
        assert.deepEqual(
          [...data],
          [...expected].filter((_, i) => i % 4 !== 3),
          `${backend} ${name}`,
        )
      }
    }
  })
})
