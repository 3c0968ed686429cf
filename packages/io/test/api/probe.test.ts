import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { loadImage, probe } from '../../src/index.ts'
import { probeSync } from '../../src/sync.ts'
import { catPixels, PHOTOS, photo, probeImage, toSharp } from '../support.ts'

const cat = await catPixels(40, 30)

describe('probe', () => {
  for (const name of readdirSync(PHOTOS).filter((file) =>
    /\.(jpg|png|webp|gif|avif)$/.test(file),
  )) {
    it(`${name}: what sharp says, and the size that loadImage gives`, async () => {
      const info = await probeImage(PHOTOS + name)
      const { format, channels, pages = 1, orientation = 1 } = await sharp(PHOTOS + name).metadata()
      assert.equal(info.kind, 'image')
      assert.equal(info.format, format === 'heif' ? 'avif' : format)
      assert.deepEqual(
        [info.channels, info.frames, info.orientation],
        [channels, pages, orientation],
      )
      assert.equal(info.bitDepth, 8)
      const { shape } = await loadImage(PHOTOS + name)
      assert.deepEqual([info.height, info.width], shape.slice(0, 2))
      assert.deepEqual(probeSync(PHOTOS + name), info)
    })
  }

  it('alpha, depth, palettes, and every other format', async () => {
    const rgb = (): Sharp => toSharp(cat)
    const cases = {
      'png 4 8': rgb().ensureAlpha(0.5).png(),
      'png 3 16': rgb().toColourspace('rgb16').png(),
      'png 1 8': rgb().greyscale().toColourspace('b-w').png(),
      'png 3 8': rgb().png({ palette: true }),
      'jpeg 1 8': rgb().greyscale().toColourspace('b-w').jpeg(),
      'jpeg 4 8': rgb().toColourspace('cmyk').jpeg(),
      'webp 3 8': rgb().webp({ lossless: true }),
      'webp 4 8': rgb().ensureAlpha(0.5).webp(),
      'tiff 3 8': rgb().tiff({ compression: 'lzw' }),
      'avif 3 8': rgb().avif(),
      'avif 4 8': rgb().ensureAlpha(0.5).avif(),
    }
    for (const [name, file] of Object.entries(cases)) {
      const { format, channels, bitDepth, width, height, frames } = await probeImage(
        await file.toBuffer(),
      )
      assert.deepEqual(
        [`${format} ${channels} ${bitDepth}`, width, height, frames],
        [name, 40, 30, 1],
      )
    }
    const bmp = Buffer.from(
      '424d3a0000000000000036000000280000000100000001000000010018000000000004000000c40e0000c40e00000000000000000000281e1400',
      'hex',
    )
    assert.deepEqual(await probeImage(bmp), {
      ...{
        kind: 'image',
        format: 'bmp',
        width: 1,
        height: 1,
        orientation: 1,
        channels: 3,
        bitDepth: 8,
        frames: 1,
      },
    })
  })

  it('counts the pictures of animations and the pages of TIFF', async () => {
    for (const name of ['moving.gif', 'moving.png', 'moving.webp']) {
      const { frames, width, height } = await probeImage(
        new URL(`../fixtures/images/${name}`, import.meta.url),
      )
      assert.deepEqual([frames, width, height], [4, 40, 30])
    }
  })

  it('turns width and height as the orientation says', async () => {
    for (const orientation of [1, 3, 5, 6, 8]) {
      const file = await toSharp(cat).withMetadata({ orientation }).jpeg().toBuffer()
      const info = await probeImage(file)
      assert.deepEqual(
        [info.orientation, info.width, info.height],
        [orientation, ...(orientation >= 5 ? [30, 40] : [40, 30])],
      )
    }
  })

  it('what is cut off or no image is an error that names the source, never another', async () => {
    for (const name of [
      'cat-small.jpg',
      'cat-1.png',
      'rocket-1.webp',
      'temple-1.gif',
      'pasture-1.avif',
    ]) {
      const whole = photo(name)
      for (let length = 0; length < 700; length += length < 100 ? 1 : 13) {
        await probe(whole.subarray(0, length)).then(
          (info) => assert.ok(info.kind === 'image' && info.width > 0 && info.height > 0),
          (error) =>
            assert.deepEqual(
              [error.name, error.code, error.source],
              ['MediaError', 'ERR_DECODE', `${length} bytes`],
            ),
        )
      }
    }
    await assert.rejects(probe('no-such-file.jpg'), {
      code: 'ERR_READ',
      source: 'no-such-file.jpg',
    })
    assert.throws(() => probeSync('no-such-file.jpg'), {
      code: 'ERR_READ',
      source: 'no-such-file.jpg',
    })
    assert.throws(() => probeSync(readFileSync(`${PHOTOS}damaged/not-an-image.jpg`)), {
      code: 'ERR_DECODE',
    })
  })
})
