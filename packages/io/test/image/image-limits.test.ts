import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { type LoadImageOptions, loadImage, loadImageBatch, probe } from '../../src/index.ts'
import { loadImageBatchSync, loadImageSync } from '../../src/sync.ts'
import { BACKENDS, paint, photo, toSharp } from '../support.ts'

function chunk(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt32BE(body.length, 0)
  bytes.write(type, 4, 'latin1')
  body.copy(bytes, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4)
  return bytes
}

/** A PNG file that says that it is that large, and has no pixels. */
function hugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2], 8)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  const parts = [
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(9))),
    chunk('IEND', Buffer.alloc(0)),
  ]
  return Buffer.concat([signature, ...parts])
}

const small = paint(32, 24, (x, y) => [x * 8, y * 10, 90])

/** Files of each format whose headers say 16,000 times 16,000, and that have few pixels. */
async function liars(): Promise<Record<string, Buffer>> {
  const changed = async (
    file: Promise<Buffer>,
    change: (bytes: Buffer) => void,
  ): Promise<Buffer> => {
    const bytes = Buffer.from(await file)
    change(bytes)
    return bytes
  }
  const sides = (bytes: Buffer, at: number, isLittle: boolean, size: 2 | 4): void => {
    for (const i of [0, 1]) {
      if (size === 4) bytes[isLittle ? 'writeUInt32LE' : 'writeUInt32BE'](16_000, at + 4 * i)
      else bytes[isLittle ? 'writeUInt16LE' : 'writeUInt16BE'](16_000, at + 2 * i)
    }
  }
  const frameHeader = Buffer.of(0xff, 0xc0)
  const bmp = Buffer.alloc(58)
  bmp.write('BM', 0, 'latin1')
  bmp.writeUInt32LE(54, 10)
  bmp.writeUInt32LE(40, 14)
  bmp.writeUInt16LE(24, 28)
  sides(bmp, 18, true, 4)
  return {
    png: hugePng(16_000, 16_000),
    jpeg: await changed(toSharp(small).jpeg().toBuffer(), (b) =>
      sides(b, b.indexOf(frameHeader) + 5, false, 2),
    ),
    gif: await changed(toSharp(small).gif().toBuffer(), (b) => sides(b, 6, true, 2)),
    webp: await changed(toSharp(small).webp().toBuffer(), (b) => {
      for (const at of [26, 28]) b.writeUInt16LE(16_000, at)
    }),
    avif: await changed(toSharp(small).avif().toBuffer(), (b) =>
      sides(b, b.indexOf('ispe') + 8, false, 4),
    ),
    tiff: await changed(toSharp(small).tiff({ compression: 'none' }).toBuffer(), (b) => {
      const isLittle = b[0] === 0x49
      for (const tag of [256, 257]) {
        const entry = Buffer.alloc(2)
        entry[isLittle ? 'writeUInt16LE' : 'writeUInt16BE'](tag)
        const at = b.indexOf(entry, isLittle ? b.readUInt32LE(4) : b.readUInt32BE(4))
        b[isLittle ? 'writeUInt16LE' : 'writeUInt16BE'](16_000, at + 8)
      }
    }),
    bmp,
  }
}

const TOO_LARGE = {
  code: 'ERR_TOO_LARGE',
  message: /a picture of 16000x16000, 256000000 pixels, more than `maxPixels` \(178956970\)/,
}

describe('limits of images', () => {
  it('what headers say is believed before anything is decoded, in every format and form', async () => {
    for (const [name, file] of Object.entries(await liars())) {
      for (const backend of BACKENDS)
        await assert.rejects(
          loadImage(file, { backend, width: 8, height: 8 }),
          TOO_LARGE,
          `${backend} ${name}`,
        )
      assert.throws(() => loadImageSync(file), TOO_LARGE, name)
      assert.throws(() => loadImageBatchSync([file], { width: 8, height: 8 }), TOO_LARGE, name)
      const info = await probe(file)
      assert.ok(info.kind === 'image' && info.width === 16_000 && info.height === 16_000, name)
    }
  })

  it('a picture that is too large fails alone in a batch, with either backend', async () => {
    const good = photo('cat-small.jpg')
    for (const backend of BACKENDS) {
      const options = { width: 8, height: 8, strict: false, backend } as const
      const batch = await loadImageBatch([good, hugePng(16_000, 16_000), good], options)
      assert.deepEqual(batch.indices, [0, 2])
      assert.equal(batch.failures[0]?.error.code, 'ERR_TOO_LARGE')
    }
  })

  it('maxPixels counts the pixels that are stored, whatever is asked for', async () => {
    const file = photo('cat-1.png') // 320x240
    for (const backend of BACKENDS) {
      const least = await loadImage(file, { backend, width: 8, height: 8, maxPixels: 76_800 })
      assert.deepEqual(least.shape, [8, 8, 3])
      await assert.rejects(loadImage(file, { backend, width: 8, height: 8, maxPixels: 76_799 }), {
        code: 'ERR_TOO_LARGE',
        message: /320x240, 76800 pixels, more than `maxPixels` \(76799\)/,
      })
    }
  })

  it('Infinity lifts it; what FFmpeg cannot decode then names the other backend', async () => {
    const file = hugePng(17_000, 17_000)
    await assert.rejects(loadImage(file, { backend: 'ffmpeg', maxPixels: Infinity }), {
      code: 'ERR_UNSUPPORTED',
      message: /17000x17000.*268402689.*sharp/,
    })
    await assert.rejects(
      loadImage(hugePng(1000, 1000), { backend: 'sharp', maxPixels: Infinity }),
      {
        code: 'ERR_DECODE',
      },
    )
  })

  it('an animation is bounded by its pictures, their size, and the bytes of all', async () => {
    const pictures = await Promise.all(
      [0, 1, 2].map((i) =>
        toSharp(paint(40, 30, () => [80 * i, 9, 9]))
          .png()
          .toBuffer(),
      ),
    )
    const animation = sharp(pictures, { join: { animated: true } })
    for (const file of [
      await animation.clone().gif().toBuffer(),
      await animation.clone().webp().toBuffer(),
    ]) {
      const all = { frames: 'all' } as const
      assert.deepEqual((await loadImage(file, { ...all, maxFrames: 3 })).shape, [3, 30, 40, 3])
      await assert.rejects(loadImage(file, { ...all, maxFrames: 2 }), {
        code: 'ERR_TOO_LARGE',
        message: /an animation of 3 pictures, more than `maxFrames` \(2\)/,
      })
      await assert.rejects(loadImage(file, { ...all, maxPixels: 1199 }), { code: 'ERR_TOO_LARGE' })
      const bytes = 3 * 40 * 30 * 3
      await loadImage(file, { ...all, maxResultBytes: bytes })
      await assert.rejects(loadImage(file, { ...all, maxResultBytes: bytes - 1 }), {
        code: 'ERR_TOO_LARGE',
        message: /a result of 10800 bytes, more than `maxResultBytes` \(10799\)/,
      })
      assert.deepEqual((await loadImage(file, { maxFrames: 1 })).shape, [30, 40, 3])
    }
  })

  it('results are bounded: an image, and a batch before it begins', async () => {
    const file = photo('cat-small.jpg')
    for (const backend of BACKENDS) {
      const refusal = { code: 'ERR_TOO_LARGE', message: /`maxResultBytes` \(2147483648\)/ }
      const size = { width: 16_000, height: 12_000, normalize: {} } // 4 bytes a sample
      await assert.rejects(loadImage(file, { backend, ...size }), refusal)
      const many = new Array<Buffer>(700).fill(file)
      await assert.rejects(loadImageBatch(many, { backend, width: 1024, height: 1024 }), refusal)
    }
    assert.throws(() => loadImageSync(file, { maxResultBytes: 57_599 }), { code: 'ERR_TOO_LARGE' })
    assert.equal(loadImageSync(file, { maxResultBytes: 57_600 }).data.length, 57_600)
  })

  it('refuses limits that are none', async () => {
    for (const name of ['maxPixels', 'maxFrames', 'maxResultBytes'] as const) {
      for (const value of [0, -1, 1.5, Number.NaN, '9']) {
        const options: LoadImageOptions = { [name]: value as number }
        await assert.rejects(loadImage(photo('cat-small.jpg'), options), {
          code: 'ERR_BAD_OPTION',
          message: new RegExp(`\`${name}\` must be an integer >= 1 or Infinity`),
        })
      }
    }
  })
})
