import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import sharp, { type JpegOptions, type Sharp } from 'sharp'
import { loadImage } from '../../src/index.ts'
import { BACKENDS, catPixels, paint, photo, probeImage, psnr, toSharp } from '../support.ts'

const cat = await catPixels(160, 120)
const jpeg = (options: JpegOptions): Promise<Buffer> => toSharp(cat).jpeg(options).toBuffer()

/** Files that hold the cat without loss. */
const lossless: Record<string, Promise<Buffer>> = {
  png: toSharp(cat).png().toBuffer(),
  'interlaced png': toSharp(cat).png({ progressive: true }).toBuffer(),
  'lossless webp': toSharp(cat).webp({ lossless: true }).toBuffer(),
  'plain tiff': toSharp(cat).tiff({ compression: 'none' }).toBuffer(),
  'lzw tiff': toSharp(cat).tiff({ compression: 'lzw' }).toBuffer(),
  'deflate tiff': toSharp(cat).tiff({ compression: 'deflate' }).toBuffer(),
}

/** Files that hold it nearly so, and how near the backends must come to each other, in dB. */
const lossy: Record<string, readonly [Promise<Buffer>, number]> = {
  'jpeg 4:4:4': [jpeg({ quality: 95, chromaSubsampling: '4:4:4' }), 50],
  'jpeg 4:2:0': [jpeg({ quality: 90 }), 38],
  'progressive jpeg': [jpeg({ quality: 90, progressive: true }), 38],
  webp: [toSharp(cat).webp({ quality: 90 }).toBuffer(), 35],
  avif: [toSharp(cat).avif({ quality: 80 }).toBuffer(), 45],
  'avif 4:2:0': [toSharp(cat).avif({ quality: 80, chromaSubsampling: '4:2:0' }).toBuffer(), 35],
  gif: [toSharp(cat).gif().toBuffer(), 60],
  'palette png': [toSharp(cat).png({ palette: true, colours: 64 }).toBuffer(), 60],
}

/** Mean red, green and blue of fig-cmyk.jpg as Pillow 13 converts it. */
const PILLOW = [178.9, 47.5, 23.7]

const mean = (values: Uint8Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('formats', () => {
  for (const backend of BACKENDS) {
    for (const [name, file] of Object.entries(lossless)) {
      it(`${backend}: ${name}, exactly`, async () => {
        const image = await loadImage(await file, { backend })
        assert.deepEqual(image.shape, [120, 160, 3])
        assert.equal(image.dtype, 'uint8')
        assert.equal(psnr(image.data, cat.data), Infinity)
      })
    }

    it(`${backend}: grey, 16-bit and two-level PNG`, async () => {
      const grey = await toSharp(cat).greyscale().raw().toBuffer()
      const asRgb = Buffer.from(grey).reduce(
        (rgb, value, i) => rgb.fill(value, i * 3, i * 3 + 3),
        Buffer.alloc(grey.length * 3),
      )
      const raw = sharp(grey, { raw: { width: 160, height: 120, channels: 1 } }).toColourspace(
        'b-w',
      )
      assert.equal(
        psnr((await loadImage(await raw.png().toBuffer(), { backend })).data, asRgb),
        Infinity,
      )

      const deep = await toSharp(cat).toColourspace('rgb16').png().toBuffer()
      assert.equal((await sharp(deep).metadata()).depth, 'ushort')
      assert.ok(psnr((await loadImage(deep, { backend })).data, cat.data) > 48)

      const twoLevel = toSharp(paint(31, 9, (x, y) => Array(3).fill((x + y) % 2 === 0 ? 255 : 0)))
      const one = await loadImage(await twoLevel.png({ palette: true, colours: 2 }).toBuffer(), {
        backend,
      })
      assert.equal(psnr(one.data, await twoLevel.raw().toBuffer()), Infinity)
    })

    it(`${backend}: grey JPEG`, async () => {
      const image = await loadImage(
        await toSharp(cat).greyscale().jpeg({ quality: 95 }).toBuffer(),
        {
          backend,
        },
      )
      for (let i = 0; i < image.data.length; i += 3) {
        assert.ok(
          Math.abs(image.data[i]! - image.data[i + 1]!) <= 1 &&
            image.data[i + 1] === image.data[i + 2],
        )
      }
    })

    it(`${backend}: drops transparency, and keeps the colours under it`, async () => {
      const colours = paint(64, 64, (x, y) => [x * 4, y * 4, 128])
      const alpha = Buffer.alloc(64 * 64, 0)
        .fill(255, 0, 1000)
        .fill(90, 1000, 2000)
      const file = await toSharp(colours)
        .joinChannel(alpha, { raw: { width: 64, height: 64, channels: 1 } })
        .png()
        .toBuffer()
      assert.equal((await sharp(file).metadata()).hasAlpha, true)
      assert.equal(psnr((await loadImage(file, { backend })).data, colours.data), Infinity)
      const half = await loadImage(file, { width: 32, height: 32, backend })
      const opaque = await loadImage(await toSharp(colours).png().toBuffer(), {
        width: 32,
        height: 32,
        backend,
      })
      assert.ok(psnr(half.data, opaque.data) > 50)
    })

    it(`${backend}: the first picture of an animation`, async () => {
      const pictures = [0, 1, 2].map((i) =>
        toSharp(paint(60, 40, () => [80 * i, 200, 30]))
          .png()
          .toBuffer(),
      )
      const joined = (): Sharp => animation
      const animation = sharp(await Promise.all(pictures), { join: { animated: true } })
      for (const file of [
        await joined().gif().toBuffer(),
        await joined().webp({ lossless: true }).toBuffer(),
      ]) {
        assert.equal((await sharp(file).metadata()).pages, 3)
        const image = await loadImage(file, { backend })
        assert.deepEqual(image.shape, [40, 60, 3])
        assert.deepEqual([...image.data.subarray(0, 3)], [0, 200, 30])
      }
    })

    it(`${backend}: CMYK JPEG, by the plain formula`, async () => {
      const image = await loadImage(photo('fig-cmyk.jpg'), { backend })
      const means = [0, 1, 2].map((c) => mean(image.data.filter((_, i) => i % 3 === c)))
      // FFmpeg rounds down. A conversion through a press's profile would be off by 20 and more.
      for (const [c, truth] of PILLOW.entries())
        assert.ok(Math.abs(means[c]! - truth) < 1.5, `${means}`)
    })

    it(`${backend}: goes by the content, not by the name`, async () => {
      const image = await loadImage(
        new URL('../../../../examples/photos/damaged/png-named.jpg', import.meta.url),
        { backend },
      )
      assert.deepEqual(image.shape, [200, 300, 3])
    })
  }

  for (const [name, [file, least]] of Object.entries(lossy)) {
    it(`both backends agree on ${name} within ${least} dB`, async () => {
      const [one, other] = await Promise.all(
        BACKENDS.map(async (backend) => loadImage(await file, { backend })),
      )
      const likeness = psnr(one!.data, other!.data)
      assert.ok(likeness >= least, `${likeness.toFixed(1)} dB`)
      assert.ok(psnr(one!.data, cat.data) > 28)
    })
  }

  for (const name of [
    'stream-1.jpg',
    'temple-progressive.jpg',
    'fig-cmyk.jpg',
    'cat-1.png',
    'rocket-1.webp',
    'pasture-1.avif',
    'temple-1.gif',
    'mountains-large.jpg',
  ]) {
    it(`both backends agree on ${name}, scaled down`, async () => {
      for (const mode of ['pad', 'crop', 'stretch'] as const) {
        const [one, other] = await Promise.all(
          BACKENDS.map((backend) =>
            loadImage(photo(name), { width: 150, height: 112, mode, backend }),
          ),
        )
        const likeness = psnr(one!.data, other!.data)
        assert.ok(likeness > 32, `${mode}: ${likeness.toFixed(1)} dB`)
      }
    })
  }

  it('sharp says that BMP is for the other backend', async () => {
    const bmp = Buffer.from(
      '424d3a0000000000000036000000280000000100000001000000010018000000000004000000c40e0000c40e00000000000000000000281e1400',
      'hex',
    )
    await assert.rejects(loadImage(bmp, { backend: 'sharp' }), {
      code: 'ERR_UNSUPPORTED',
      message: /ffmpeg/,
    })
    assert.deepEqual([...(await loadImage(bmp, { backend: 'ffmpeg' })).data], [20, 30, 40])
  })

  it('ffmpeg refuses JPEG inside TIFF, which it would get wrong', async () => {
    const file = await toSharp(cat).tiff({ compression: 'jpeg' }).toBuffer()
    await assert.rejects(loadImage(file, { backend: 'ffmpeg' }), {
      code: 'ERR_UNSUPPORTED',
      message: /sharp/,
    })
    assert.ok(psnr((await loadImage(file, { backend: 'sharp' })).data, cat.data) > 28)
  })

  it('AVIF pictures that are made of tiles are joined, and cut to their size', async () => {
    const tiles = await Promise.all(
      [0, 1, 2, 3].map((i) =>
        toSharp(paint(64, 64, (x, y) => tiled(x + 64 * (i % 2), y + 64 * (i >> 1))))
          .avif({ quality: 90, chromaSubsampling: '4:4:4' })
          .toBuffer(),
      ),
    )
    const file = gridOf(tiles, { width: 100, height: 90 })
    const expected = paint(100, 90, tiled)
    for (const backend of BACKENDS) {
      const image = await loadImage(file, { backend })
      assert.deepEqual(image.shape, [90, 100, 3], backend)
      assert.ok(
        psnr(image.data, expected.data) > 38,
        `${backend}: ${psnr(image.data, expected.data)}`,
      )
    }
    const info = await probeImage(file)
    assert.deepEqual([info.format, info.width, info.height], ['avif', 100, 90])
  })

  it('a HEIF picture of another codec is refused by name', async () => {
    const file = Buffer.from(await lossy.avif![0])
    file.write('vvc1', file.indexOf('av01', file.indexOf('infe')), 'latin1')
    await assert.rejects(loadImage(file, { backend: 'ffmpeg' }), {
      code: 'ERR_UNSUPPORTED',
      message: /"vvc1"/,
    })
  })

  it('other formats of pictures, and other kinds of JPEG, are refused by name', async () => {
    for (const [beginning, name] of [
      ['\xff\x0a\x10\x20', 'JPEG XL'],
      ['\0\0\0\x0cJXL \r\n\x87\n', 'JPEG XL'],
      ['\0\0\0\x0cjP  \r\n\x87\n', 'JPEG 2000'],
      ['8BPS\0\x01', 'Photoshop'],
      ['\x76\x2f\x31\x01', 'OpenEXR'],
      ['P6\n2 2 255\n', 'Netpbm'],
    ] as const) {
      const file = Buffer.from(`${beginning}${' '.repeat(40)}`, 'latin1')
      for (const backend of BACKENDS)
        await assert.rejects(loadImage(file, { backend }), {
          code: 'ERR_UNSUPPORTED',
          message: new RegExp(`: a ${name} image, which is not read; convert it`),
        })
    }
    const frameHeader = Buffer.of(0xff, 0xc0)
    for (const [marker, name] of [
      [0xc9, 'arithmetic'],
      [0xc5, 'hierarchical'],
    ] as const) {
      const file = Buffer.from(await jpeg({}))
      file[file.indexOf(frameHeader) + 1] = marker
      await assert.rejects(loadImage(file, { backend: 'ffmpeg' }), {
        code: 'ERR_UNSUPPORTED',
        message: new RegExp(`a JPEG file with ${name} coding; the sharp backend`),
      })
    }
  })

  it('ignores colour profiles alike', async () => {
    const file = await toSharp(cat).withIccProfile('p3').png().toBuffer()
    const [one, other] = await Promise.all(BACKENDS.map((backend) => loadImage(file, { backend })))
    assert.equal(psnr(one!.data, other!.data), Infinity)
  })
})

/** A picture that is not the same in two places. */
function tiled(x: number, y: number): [number, number, number] {
  return [x * 2, y * 2, 255 - x - y]
}

/** An AVIF file that shows others, of two columns, as one (ISO/IEC 23008-12, 6.6.2.3.2). */
function gridOf(
  tiles: readonly Buffer[],
  { width, height }: { width: number; height: number },
): Buffer {
  const payloads = tiles.map((tile) => {
    const at = tile.indexOf('mdat')
    return tile.subarray(at + 4, at - 4 + tile.readUInt32BE(at - 4))
  })
  const propertyOf = (type: string): Buffer => {
    const at = tiles[0]!.indexOf(type)
    return tiles[0]!.subarray(at - 4, at - 4 + tiles[0]!.readUInt32BE(at - 4))
  }
  const sizeOfGrid = Buffer.concat([u32(0), u32(width), u32(height)])
  const count = tiles.length
  const grid = Buffer.concat([
    Buffer.of(0, 0, Math.ceil(count / 2) - 1, 1),
    u16(width),
    u16(height),
  ])
  const infe = (id: number, type: string): Buffer =>
    box('infe', Buffer.of(2, 0, 0, 0), u16(id), u16(0), Buffer.from(`${type}\0`, 'latin1'))
  const ids = tiles.map((_, i) => i + 2)
  const iinf = box(
    'iinf',
    u32(0),
    u16(count + 1),
    infe(1, 'grid'),
    ...ids.map((id) => infe(id, 'av01')),
  )
  const iref = box('iref', u32(0), box('dimg', u16(1), u16(count), ...ids.map(u16)))
  const ipco = box('ipco', propertyOf('ispe'), propertyOf('av1C'), box('ispe', sizeOfGrid))
  const ipma = box(
    'ipma',
    ...[u32(0), u32(count + 1), u16(1), Buffer.of(1, 3)],
    ...ids.map((id) => Buffer.concat([u16(id), Buffer.of(2, 1, 2)])),
  )
  const ftyp = box('ftyp', Buffer.from('avif\0\0\0\0avifmif1', 'latin1'))
  const metaOf = (start: number): Buffer => {
    let at = start
    const places = payloads.map((payload) => {
      const place = Buffer.concat([u16(0), u16(1), u32(at), u32(payload.length)])
      at += payload.length
      return place
    })
    const iloc = box(
      'iloc',
      ...[Buffer.of(1, 0, 0, 0, 0x44, 0), u16(count + 1)],
      // The grid itself is in the item data box.
      ...[u16(1), u16(1), u16(0), u16(1), u32(0), u32(grid.length)],
      ...ids.flatMap((id, i) => [u16(id), u16(0), places[i]!]),
    )
    const hdlr = box('hdlr', u32(0), u32(0), Buffer.from('pict', 'latin1'), Buffer.alloc(13))
    const pitm = box('pitm', u32(0), u16(1))
    return box(
      'meta',
      u32(0),
      hdlr,
      pitm,
      iloc,
      iinf,
      iref,
      box('iprp', ipco, ipma),
      box('idat', grid),
    )
  }
  const head = ftyp.length + metaOf(0).length + 8
  return Buffer.concat([ftyp, metaOf(head), box('mdat', ...payloads)])
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u16(value: number): Buffer {
  return u32(value).subarray(2)
}
