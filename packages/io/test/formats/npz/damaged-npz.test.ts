import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { encodeNpz, loadNpz, MediaError, type NdArray, parseNpz } from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { ARRAYS, bytesOf, fixture } from '../../fixtures/arrays.ts'
import { numbers } from '../../support.ts'

const x: NdArray<'int32'> = {
  data: Int32Array.from({ length: 100 }, (_, i) => i),
  dtype: 'int32',
  shape: [100],
}
const y: NdArray<'uint8'> = { data: new Uint8Array(50).fill(7), dtype: 'uint8', shape: [5, 10] }
const stored = Buffer.from(encodeNpz({ x, y }))
const deflated = Buffer.from(encodeNpz({ x, y }, { compress: true }))

/**
 * Reads everything. What is read must be whole and right; any fault must be one that names its
 * source.
 */
function readAll(bytes: Uint8Array): 'right' | 'fault' {
  try {
    const npz = parseNpz(bytes)
    for (const [name, array] of Object.entries({ x, y })) {
      if (!npz.has(name)) return 'fault' // its name was changed, which no checksum covers
      const got = npz.get(name)
      assert.deepEqual(bytesOf(got), bytesOf(array as never))
      assert.deepEqual(got.shape, array.shape)
    }
    return 'right'
  } catch (error) {
    assert.ok(error instanceof MediaError, String(error))
    assert.ok(
      ['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_NO_MEMBER'].includes(error.code),
      error.message,
    )
    assert.equal(error.source, `${bytes.length} bytes`)
    return 'fault'
  }
}

describe('a damaged npz', () => {
  for (const [name, whole] of [
    ['stored', stored],
    ['deflated', deflated],
    ['with data descriptors', fixture('descriptors.npz')],
  ] as const) {
    it(`(${name}) is an error wherever it is cut`, () => {
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => parseNpz(whole.subarray(0, length)), { code: 'ERR_DECODE' })
      }
    })
  }

  for (const [name, whole] of [
    ['stored', stored],
    ['deflated', deflated],
  ] as const) {
    it(`(${name}) with one bit flipped gives the right arrays or an error, never wrong ones`, () => {
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const bytes = Buffer.from(whole)
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
        readAll(bytes)
      }
      assert.equal(readAll(whole), 'right')
    })

    it(`(${name}) with random bytes in it does no more harm than an error`, () => {
      const random = numbers(5)
      for (let round = 0; round < 3000; round++) {
        const bytes = Buffer.from(whole)
        // Half of the time in the directory, where sizes and places stand.
        const from = random(2) === 0 ? 0 : whole.length - 150
        for (let i = 0; i <= random(6); i++)
          bytes[from + random(whole.length - from)] = random(3) === 0 ? 255 : random(256)
        readAll(bytes)
      }
    })
  }

  it('says what is wrong', async () => {
    const change = (whole: Buffer, edit: (bytes: Buffer) => unknown) => {
      const bytes = Buffer.from(whole)
      edit(bytes)
      return bytes
    }
    const entry = stored.lastIndexOf('PK\x01\x02', -1, 'latin1')
    const end = stored.length - 22
    const cases: [Uint8Array, RegExp][] = [
      [Buffer.alloc(0), /is empty/],
      [
        Buffer.from('a few words, which are no archive'),
        /not a zip file: it has no directory at its end/,
      ],
      [Buffer.alloc(20), /not a zip file/],
      [stored.subarray(0, 500), /truncated: a zip file without its directory, which is at the end/],
      [fixture('int8.npy'), /not a zip file but an npy file: `loadNpy` reads it/],
      [
        change(stored, (b) => (b[300] = 99)),
        /member "x\.npy": its checksum is [0-9a-f]{8} and should be [0-9a-f]{8}/,
      ],
      [change(deflated, (b) => b.fill(0xff, 70, 90)), /member "x\.npy": damaged deflate data: /],
      [change(stored, (b) => (b[0] = 0)), /member "x\.npy": no header of it at byte 0/],
      [change(stored, (b) => (b[entry] = 0)), /its directory is damaged at entry 1/],
      [
        change(stored, (b) => b.writeUInt16LE(60_000, entry + 28)),
        /its directory is damaged at entry 1/,
      ],
      [
        change(stored, (b) => b.writeUInt32LE(stored.length, entry + 20)),
        /member "y\.npy": its \d+ bytes are not all there/,
      ],
      [
        change(stored, (b) => b.writeUInt32LE(5, entry + 24)),
        /member "y\.npy": 178 bytes stored as they are cannot be 5/,
      ],
      [
        change(stored, (b) => b.writeUInt16LE(3, end + 8)),
        /one part of a zip archive in several files/,
      ],
      [
        change(stored, (b) => b.writeUInt32LE(stored.length, end + 16)),
        /a directory of \d+ bytes from byte \d+ on/,
      ],
      [
        change(stored, (b) => [8, 10].map((at) => b.writeUInt16LE(3, end + at))),
        /its directory has 2 entries and should have 3/,
      ],
      [change(stored, (b) => (b[entry + 8] = 1)), /member "y\.npy": is encrypted/],
      [change(stored, (b) => (b[entry + 10] = 77)), /member "y\.npy": is stored by method 77/],
      [fixture('bzip2.npz'), /member "x\.npy": is compressed with bzip2, which is not supported/],
    ]
    for (const [bytes, message] of cases) {
      const all = (npz: { keys(): string[]; get(name: string): unknown }) =>
        npz.keys().map((key) => npz.get(key))
      assert.throws(() => all(parseNpz(bytes)), { name: 'MediaError', message })
      const opened = (async () => Promise.all(all(await loadNpz(bytes))))()
      await assert.rejects(opened, { name: 'MediaError', message })
    }
  })

  it('that claims to be enormous allocates nothing', () => {
    const bytes = Buffer.from(deflated)
    const entry = bytes.lastIndexOf('PK\x01\x02', -1, 'latin1')
    bytes.writeUInt32LE(0xfffffff0, entry + 24)
    const before = process.memoryUsage.rss()
    assert.throws(() => parseNpz(bytes).get('y'), /deflated bytes cannot hold 4294967280/)
    assert.ok(process.memoryUsage.rss() - before < 50e6)
  })

  it('that inflates to more or less than it says is an error', () => {
    const bytes = Buffer.from(deflated)
    const entry = bytes.lastIndexOf('PK\x01\x02', -1, 'latin1')
    bytes.writeUInt32LE(177, entry + 24)
    assert.throws(() => parseNpz(bytes).get('y'), /they inflate to more than the directory says/)
    bytes.writeUInt32LE(179, entry + 24)
    assert.throws(() => parseNpz(bytes).get('y'), /inflates to 178 bytes instead of 179/)
  })

  it('is read all the same when asked not to verify, but never beyond its bytes', async () => {
    const bytes = Buffer.from(stored)
    bytes[300] = bytes[300]! ^ 1
    assert.throws(() => parseNpz(bytes).get('x'), /its checksum/)
    assert.equal(parseNpz(bytes, { verify: false }).get('x').shape[0], 100)
    await assert.rejects(
      loadNpz(bytes, { verify: 1 } as never),
      /`verify` must be true or false, got 1/,
    )
    await using npz = await loadNpz(bytes, { verify: false })
    assert.equal((await npz.get('x')).shape[0], 100)
  })

  it('whose member is no npy names both', () => {
    const text = Buffer.from(encodeNpz({ x }))
    text.write('JUNK', text.indexOf('\x93NUMPY', 0, 'latin1'))
    assert.throws(() => parseNpz(text, { verify: false }).get('x'), {
      code: 'ERR_DECODE',
      message: /^\d+ bytes: member "x\.npy": not an npy file: it begins with the bytes 4a 55 4e 4b/,
    })
    assert.ok(deflateRawSync(text).length > 0)
  })

  it('of objects is refused, array by array', async () => {
    await assert.rejects(loadNpz('no-such.npz'), { code: 'ERR_READ', source: 'no-such.npz' })
    assert.throws(() => sync.loadNpzSync('no-such.npz'), {
      code: 'ERR_READ',
      source: 'no-such.npz',
    })
    await assert.rejects(loadNpz(ARRAYS), { code: 'ERR_READ' })
  })

  it('that becomes shorter while it is open is an error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spindle-npz-'))
    try {
      const path = join(folder, 'a.npz')
      writeFileSync(path, stored)
      await using npz = await loadNpz(path)
      using npzSync = sync.loadNpzSync(path)
      writeFileSync(path, stored.subarray(0, 300))
      const fault = {
        code: 'ERR_READ',
        source: path,
        message: `${path}: became shorter while it was read`,
      }
      await assert.rejects(npz.get('x'), fault)
      assert.throws(() => npzSync.get('x'), fault)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
