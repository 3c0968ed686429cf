import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadImage, MediaError } from '../../src/index.ts'
import { BACKENDS, catPixels, numbers, photo, psnr, toSharp } from '../support.ts'

const cat = await catPixels(64, 48)
const files: Record<string, Buffer> = {
  jpeg: await toSharp(cat).jpeg({ quality: 90 }).toBuffer(),
  'progressive jpeg': await toSharp(cat).jpeg({ quality: 90, progressive: true }).toBuffer(),
  png: await toSharp(cat).png().toBuffer(),
  'palette png': await toSharp(cat).png({ palette: true }).toBuffer(),
  webp: await toSharp(cat).webp({ quality: 90 }).toBuffer(),
  'lossless webp': await toSharp(cat).webp({ lossless: true }).toBuffer(),
  gif: await toSharp(cat).gif().toBuffer(),
  tiff: await toSharp(cat).tiff({ compression: 'lzw' }).toBuffer(),
  avif: await toSharp(cat).avif({ quality: 70 }).toBuffer(),
}

/**
 * Whether it decodes; anything but an image of the right shape or a `MediaError` that names its
 * source fails the test.
 */
async function decodes(bytes: Buffer, backend: 'ffmpeg' | 'sharp'): Promise<boolean> {
  try {
    const image = await loadImage(bytes, { width: 32, height: 24, backend })
    assert.deepEqual(image.shape, [24, 32, 3])
    assert.equal(image.data.length, 32 * 24 * 3)
    return true
  } catch (error) {
    assert.ok(error instanceof MediaError, String(error))
    assert.ok(['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_TOO_LARGE'].includes(error.code), error.code)
    assert.ok(error.message.startsWith(`${bytes.length} bytes: `), error.message)
    assert.equal(error.source, `${bytes.length} bytes`)
    return false
  }
}

describe('damaged files', () => {
  for (const backend of BACKENDS) {
    for (const [name, whole] of Object.entries(files)) {
      it(`${backend}: a truncated ${name} is an error, wherever it ends`, async () => {
        const cuts = Array.from({ length: 60 }, (_, i) => Math.floor((whole.length * i) / 60))
        const good = await Promise.all(
          cuts.map((length) => decodes(whole.subarray(0, length), backend)),
        )
        // The last of these cuts leaves 98 %. Nothing before the pixels' end may pass for a
        // picture.
        assert.deepEqual(
          cuts.filter((_, i) => good[i]),
          [],
        )
        assert.equal(await decodes(whole, backend), true)
      })

      it(`${backend}: flipped bits in ${name} do no more harm than an error`, async () => {
        const random = numbers(7)
        const before = await loadImage(whole, { backend })
        const flipped = Array.from({ length: 120 }, () => {
          const bytes = Buffer.from(whole)
          for (let i = 0; i <= random(3); i++) {
            const at = random(bytes.length)
            bytes[at] = bytes[at]! ^ (1 << random(8))
          }
          return bytes
        })
        await Promise.all(flipped.map((bytes) => decodes(bytes, backend)))
        const after = await loadImage(whole, { backend })
        assert.equal(
          psnr(before.data, after.data),
          Infinity,
          'what a decoder went through leaves no trace',
        )
      })
    }

    it(`${backend}: only the end marker missing`, async () => {
      assert.equal(await decodes(files.jpeg!.subarray(0, -2), backend), false)
    })

    it(`${backend}: says of every shipped damaged file what is wrong`, async () => {
      const folder = new URL('../../../../examples/photos/damaged/', import.meta.url)
      const expected: Record<string, RegExp> = {
        'empty.jpg': /empty\.jpg: is empty$/,
        'not-an-image.jpg': /not-an-image\.jpg: not a JPEG.*begins with "This is a te"/,
        'truncated.jpg': /truncated\.jpg: /,
        'truncated.png': /truncated\.png: /,
        'cut-short.webp': /cut-short\.webp: /,
      }
      for (const [name, message] of Object.entries(expected)) {
        await assert.rejects(loadImage(new URL(name, folder), { backend }), {
          name: 'MediaError',
          code: 'ERR_DECODE',
          message,
        })
      }
    })

    it(`${backend}: a PNG without its palette is an error, not a picture in the colours of the one before`, async () => {
      const whole = files['palette png']!
      const at = whole.indexOf('PLTE') - 4
      const without = Buffer.concat([
        whole.subarray(0, at),
        whole.subarray(at + 12 + whole.readUInt32BE(at)),
      ])
      assert.equal(await decodes(whole, backend), true)
      assert.equal(await decodes(without, backend), false)
    })

    it(`${backend}: refuses a picture that claims to be enormous`, async () => {
      const png = Buffer.from(files.png!)
      png.writeUInt32BE(60000, 16)
      png.writeUInt32BE(60000, 20)
      assert.equal(await decodes(png, backend), false)
    })
  }

  it('keeps what the library said as the cause', async () => {
    const error: unknown = await loadImage(photo('damaged/truncated.jpg'), {
      backend: 'sharp',
    }).catch((e: unknown) => e)
    assert.ok(error instanceof MediaError && error.cause instanceof Error)
    assert.ok(error.message.endsWith(error.cause.message))
  })
})
