import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import sharp from 'sharp'
import {
  type EncodeImageOptions,
  encodeImage,
  loadImage,
  type NdArray,
  saveImage,
} from '../../src/index.ts'
import { encodeImageSync, saveImageSync } from '../../src/sync.ts'
import { BACKENDS, catPixels, photo, probeImage, psnr } from '../support.ts'

const pixels = await catPixels(100, 75)
const cat: NdArray<'uint8'> = { data: pixels.data, dtype: 'uint8', shape: [75, 100, 3] }
const folder = mkdtempSync(join(tmpdir(), 'spindle-encode-'))
after(() => rmSync(folder, { recursive: true }))

function noise(channels: number, seed = 1): Uint8Array {
  return Uint8Array.from(
    { length: 100 * 75 * channels },
    (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24,
  )
}

describe('encodeImage', () => {
  for (const backend of BACKENDS) {
    for (const options of [{ format: 'png' }, { format: 'webp', lossless: true }] as const) {
      it(`${backend}: ${JSON.stringify(options)} comes back as it was, in colours, with alpha, in both layouts`, async () => {
        for (const [channels, pixelFormat] of [
          [3, 'rgb24'],
          [4, 'rgba'],
        ] as const) {
          // Without an alpha of 0: under it FFmpeg's WebP does not keep the colours.
          const data = noise(channels).map((value) => value | 1)
          const array = { data, dtype: 'uint8', shape: [75, 100, channels] } as const
          const bytes = await encodeImage(array, { ...options, backend })
          assert.deepEqual((await loadImage(bytes, { pixelFormat })).data, data)
          const planar = { data, dtype: 'uint8', shape: [channels, 75, 100] } as const
          const other = await encodeImage(planar, { ...options, layout: 'CHW', backend })
          assert.deepEqual((await loadImage(other, { pixelFormat, layout: 'CHW' })).data, data)
        }
        for (const shape of [
          [75, 100],
          [75, 100, 1],
        ]) {
          const bytes = await encodeImage(
            { data: noise(1), dtype: 'uint8', shape },
            { ...options, backend },
          )
          assert.deepEqual((await loadImage(bytes, { pixelFormat: 'gray8' })).data, noise(1))
        }
      })
    }

    it(`${backend}: grey of 16 bits, as PNG`, async () => {
      const data = Uint16Array.from({ length: 7500 }, (_, i) => (i * 37) & 0xffff)
      const bytes = await encodeImage(
        { data, dtype: 'uint16', shape: [75, 100] },
        { format: 'png', backend },
      )
      assert.equal((await probeImage(bytes)).bitDepth, 16)
      assert.deepEqual((await loadImage(bytes, { pixelFormat: 'gray16' })).data, data)
    })

    it(`${backend}: JPEG and WebP come nearer with quality, and larger`, async () => {
      for (const format of ['jpeg', 'webp'] as const) {
        let [size, likeness] = [0, 0]
        for (const quality of [10, 40, 70, 90]) {
          const bytes = await encodeImage(cat, { format, quality, backend })
          const near = psnr((await loadImage(bytes)).data, cat.data)
          assert.ok(
            bytes.length > size && near > likeness,
            `${format} ${quality}: ${bytes.length} bytes, ${near} dB`,
          )
          size = bytes.length
          likeness = near
        }
        assert.ok(likeness > 33, `${format}: ${likeness} dB`)
      }
      const whole = await encodeImage(cat, {
        format: 'jpeg',
        quality: 90,
        chromaSubsampling: '4:4:4',
        backend,
      })
      assert.ok(psnr((await loadImage(whole)).data, cat.data) > 36)
    })

    it(`${backend}: bgr24 is another order of the same`, async () => {
      const bgr = Uint8Array.from(cat.data, (_, i) => cat.data[i - (i % 3) + 2 - (i % 3)]!)
      for (const format of ['png', 'jpeg'] as const) {
        const one = await encodeImage(cat, { format, backend })
        const other = await encodeImage(
          { ...cat, data: bgr },
          { format, pixelFormat: 'bgr24', backend },
        )
        assert.deepEqual((await loadImage(other)).data, (await loadImage(one)).data)
      }
    })

    it(`${backend}: grey and RGBA as JPEG lose colour and alpha`, async () => {
      const grey = await encodeImage(
        { data: noise(1), dtype: 'uint8', shape: [75, 100] },
        { format: 'jpeg', backend },
      )
      assert.ok(psnr((await loadImage(grey, { pixelFormat: 'gray8' })).data, noise(1)) > 25)
      const rgba = Uint8Array.from({ length: 30000 }, (_, i) =>
        i % 4 === 3 ? 9 : cat.data[Math.floor(i / 4) * 3 + (i % 4)]!,
      )
      const flat = await encodeImage(
        { data: rgba, dtype: 'uint8', shape: [75, 100, 4] },
        { format: 'jpeg', backend },
      )
      assert.ok(psnr((await loadImage(flat)).data, cat.data) > 30)
    })
  }

  it('is read by others: sharp', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const bytes = await encodeImage(cat, { format, backend: 'ffmpeg' })
      const { width, height, format: read } = await sharp(bytes).metadata()
      assert.deepEqual([width, height, read], [100, 75, format])
      assert.ok(psnr(await sharp(bytes).removeAlpha().raw().toBuffer(), cat.data) > 30)
    }
  })

  it('any size: the law of the round trip', async () => {
    const side = fc.integer({ min: 1, max: 40 })
    await fc.assert(
      fc.asyncProperty(
        side,
        side,
        fc.constantFrom('png', 'webp'),
        async (width, height, format) => {
          const data = noise(3, width * height).slice(0, width * height * 3)
          const array = { data, dtype: 'uint8', shape: [height, width, 3] } as const
          const options: EncodeImageOptions =
            format === 'png' ? { format: 'png' } : { format: 'webp', lossless: true }
          const bytes = encodeImageSync(array, options)
          assert.deepEqual(await loadImage(bytes), array)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('takes views, shared memory, and leaves the array as it was', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(cat.data.length + 7)).subarray(7)
    shared.set(cat.data)
    const expected = await encodeImage(cat, { format: 'png' })
    const bytes = await encodeImage({ ...cat, data: shared }, { format: 'png' })
    assert.deepEqual(bytes, expected)
    assert.deepEqual(Buffer.from(shared), Buffer.from(cat.data))
    assert.deepEqual(encodeImageSync(cat, { format: 'png' }), expected)
  })

  it('refuses what is no image, and options of another format', async () => {
    const refuse = async (array: unknown, options: unknown, message: RegExp): Promise<void> => {
      const rejection = { code: 'ERR_BAD_OPTION', message }
      await assert.rejects(encodeImage(array as NdArray, options as EncodeImageOptions), rejection)
      assert.throws(
        () => encodeImageSync(array as NdArray, options as EncodeImageOptions),
        rejection,
      )
    }
    const png = { format: 'png' }
    await refuse(cat, {}, /^`format` must be 'jpeg' or 'png' or 'webp', got undefined$/)
    await refuse(cat, { format: 'bmp' }, /got 'bmp'$/)
    await refuse(cat, { ...png, quality: 90 }, /^`quality` must be left out for 'png', got 90$/)
    await refuse(cat, { format: 'jpeg', lossless: true }, /^`lossless` must be left out for 'jpeg'/)
    await refuse(
      cat,
      { format: 'jpeg', quality: 0 },
      /^`quality` must be an integer from 1 to 100, got 0$/,
    )
    await refuse(cat, { ...png, compressionLevel: 10 }, /from 0 to 9, got 10$/)
    await refuse(cat, { ...png, sharpen: 1 }, /unknown option `sharpen`/)
    await refuse(undefined, png, /^`array` must be uint8 \[H, W\], .*, got undefined$/)
    await refuse({ ...cat, shape: [75, 100, 2] }, png, /got uint8 \[75,100,2\]$/)
    await refuse({ ...cat, shape: [3, 75, 100] }, png, /got uint8 \[3,75,100\]$/)
    await refuse(
      { ...cat, shape: [75, 101, 3] },
      png,
      /^`array\.data` must be of 22725 elements.*got 22500$/,
    )
    await refuse(
      { data: new Float32Array(7500), dtype: 'float32', shape: [75, 100] },
      png,
      /got float32 \[75,100\]$/,
    )
    await refuse(
      { data: new Uint16Array(7500), dtype: 'uint16', shape: [75, 100] },
      { format: 'jpeg' },
      /uint16 must be grey, and saved as PNG$/,
    )
    await assert.rejects(
      encodeImage(cat, { format: 'png', signal: AbortSignal.abort('no') }),
      (e) => e === 'no',
    )
    assert.throws(() => encodeImageSync(cat, { format: 'png', backend: 'sharp' }), {
      code: 'ERR_BAD_OPTION',
    })
  })
})

describe('saveImage', () => {
  for (const backend of BACKENDS) {
    it(`${backend}: the format follows from the name; the file is whole, and nothing else is left`, async () => {
      for (const [name, format] of Object.entries({
        'a.jpg': 'jpeg',
        'b.JPEG': 'jpeg',
        'c.png': 'png',
        'd.webp': 'webp',
      })) {
        const path = join(folder, `${backend}-${name}`)
        await saveImage(path, cat, { backend })
        assert.equal((await probeImage(path)).format, format)
      }
      const path = join(folder, `${backend}-image`)
      await saveImage(pathToFileURL(path), cat, { format: 'png', compressionLevel: 1, backend })
      assert.deepEqual((await loadImage(path)).data, Uint8Array.from(cat.data))
      assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')))
    })

    it(`${backend}: names the file that cannot be written, and leaves what was there`, async () => {
      const path = join(folder, 'missing', 'cat.png')
      await assert.rejects(saveImage(path, cat, { backend }), {
        name: 'MediaError',
        code: 'ERR_WRITE',
        source: path,
      })
      const busy = join(folder, `${backend}-busy.png`)
      writeFileSync(join(folder, 'x'), '')
      await saveImage(busy, cat, { backend })
      const before = readFileSync(busy)
      await assert.rejects(saveImage(busy, { ...cat, shape: [1] }, { backend }), {
        code: 'ERR_BAD_OPTION',
      })
      assert.deepEqual(readFileSync(busy), before)
    })
  }

  it('synchronously too', async () => {
    const path = join(folder, 'sync.png')
    saveImageSync(path, cat)
    assert.deepEqual((await loadImage(path)).data, Uint8Array.from(cat.data))
    assert.throws(() => saveImageSync(join(folder, 'missing/cat.png'), cat), { code: 'ERR_WRITE' })
  })

  it('refuses names that do not say the format', async () => {
    await assert.rejects(saveImage(join(folder, 'cat'), cat), {
      code: 'ERR_BAD_OPTION',
      message: /^`path` must be named \.jpg, \.jpeg, \.png or \.webp, unless `format` is given/,
    })
    await assert.rejects(saveImage(new URL('https://example.org/cat.png'), cat), {
      code: 'ERR_BAD_OPTION',
    })
  })

  it('a photograph, loaded, saved, and loaded again', async () => {
    const stream = await loadImage(photo('stream-1.jpg'))
    const path = join(folder, 'stream.png')
    await saveImage(path, stream)
    assert.deepEqual(await loadImage(path), stream)
  })
})
