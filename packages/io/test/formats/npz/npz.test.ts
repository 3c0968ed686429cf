import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import {
  type AnyNdArray,
  encodeNpz,
  loadNpz,
  type NdArray,
  parseNpz,
  saveNpz,
} from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { ARRAYS, assertHolds, bytesOf, fixture, NPZ } from '../../fixtures/arrays.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-npz-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const READABLE = [...NPZ.keys()].filter((name) => name !== 'bzip2.npz')

describe('npz files that NumPy and Python wrote', () => {
  for (const name of READABLE) {
    const expected = Object.entries(NPZ.get(name)!)
    it(`${name}: its ${expected.length} arrays are read to the bit`, async () => {
      const path = ARRAYS + name
      for (const source of [
        path,
        pathToFileURL(path),
        fixture(name),
        new Blob([Uint8Array.from(fixture(name))]),
      ]) {
        await using npz = await loadNpz(source)
        assert.deepEqual(npz.keys().sort(), expected.map(([key]) => key).sort())
        const arrays = await Promise.all(expected.map(([key]) => npz.get(key)))
        for (const [index, [, values]] of expected.entries()) assertHolds(arrays[index]!, values)
      }
      for (const source of [path, pathToFileURL(path), fixture(name)]) {
        using npz = sync.loadNpzSync(source)
        for (const [key, values] of expected) assertHolds(npz.get(key), values)
      }
      const npz = parseNpz(fixture(name))
      for (const [key, values] of expected) assertHolds(npz.get(`${key}.npy`), values)
    })
  }

  it('give rows, of stored and deflated arrays, as the slice of the whole', async () => {
    for (const name of ['stored.npz', 'deflated.npz']) {
      await using npz = await loadNpz(ARRAYS + name)
      using npzSync = sync.loadNpzSync(ARRAYS + name)
      for (const key of ['arr_0', 'arr_1', 'float64', 'bool']) {
        const whole = await npz.get(key)
        const rowBytes = bytesOf(whole).length / whole.shape[0]!
        for (const array of [
          await npz.get(key, { rows: [1, 9] }),
          npzSync.get(key, { rows: [1, Infinity] }),
        ]) {
          assert.deepEqual(array.shape, [whole.shape[0]! - 1, ...whole.shape.slice(1)])
          assert.deepEqual(bytesOf(array), bytesOf(whole).subarray(rowBytes))
        }
      }
      await assert.rejects(npz.get('arr_0', { rows: [5, 6] }), {
        code: 'ERR_BAD_OPTION',
        message: `${ARRAYS}${name}: member "arr_0.npy": \`rows\` must begin before row 5, got [5, 6]`,
      })
    }
  })

  it('in memory give views of arrays that are stored as they are and aligned', () => {
    const bytes = fixture('stored.npz')
    const npz = parseNpz(bytes)
    assert.equal(npz.get('uint8').data.buffer, bytes.buffer)
    assert.notEqual(parseNpz(fixture('deflated.npz')).get('uint8').data.buffer, bytes.buffer)
    const before = Buffer.from(bytes)
    for (const key of npz.keys()) npz.get(key)
    assert.deepEqual(bytes, before)
  })
})

describe('an open npz', () => {
  it('gives arrays in memory of their own, which can be transferred to another thread', async () => {
    for (const name of ['stored.npz', 'deflated.npz']) {
      await using npz = await loadNpz(ARRAYS + name)
      for (const key of npz.keys()) {
        const array = await npz.get(key)
        const bytes = Buffer.from(bytesOf(array))
        const moved = structuredClone(array, { transfer: [array.data.buffer as ArrayBuffer] })
        assert.deepEqual(bytesOf(moved), bytes)
      }
    }
  })

  it('says which arrays it has', async () => {
    await using npz = await loadNpz(`${ARRAYS}comment.npz`)
    assert.deepEqual(npz.keys(), ['x', 'y'])
    assert.equal(npz.has('x'), true)
    assert.equal(npz.has('z'), false)
    assert.equal(npz.source, `${ARRAYS}comment.npz`)
    await assert.rejects(npz.get('z'), {
      code: 'ERR_NO_MEMBER',
      source: npz.source,
      message: `${npz.source}: no array "z"; it has "x", "y"`,
    })
    await assert.rejects(npz.get(0 as never), {
      code: 'ERR_BAD_OPTION',
      message: /`name` must be a string, got 0/,
    })
    await assert.rejects(npz.get('x', { row: 1 } as never), /unknown option `row`/)
    assert.throws(() => parseNpz(fixture('no-members.npz')).get('x'), /no array "x"; it is empty/)
    assert.throws(
      () => parseNpz(fixture('stored.npz')).get('x'),
      /it has "bool", "uint8", .* and \d+ more$/,
    )
  })

  it('holds its file until it is closed, and the reads under way end first', async () => {
    const path = join(folder, 'open.npz')
    await saveNpz(path, {
      x: { data: new Float64Array(200_000).fill(1), dtype: 'float64', shape: [200_000] },
    })
    const npz = await loadNpz(path)
    rmSync(path) // the file lives on while it is open
    const reading = Array.from({ length: 8 }, () => npz.get('x'))
    const closing = npz.close()
    for (const array of await Promise.all(reading))
      assert.ok(array.dtype === 'float64' && array.data.every((x) => x === 1))
    await closing
    await npz.close()
    await assert.rejects(npz.get('x'), {
      code: 'ERR_BAD_STATE',
      message: `${path}: the npz is closed`,
    })
    const inMemory = parseNpz(fixture('stored.npz'))
    inMemory.close()
    inMemory.close()
    assert.throws(() => inMemory.get('uint8'), {
      code: 'ERR_BAD_STATE',
      message: /the npz is closed/,
    })
  })

  it('is not left open when opening fails, nor when it was closed', {
    skip: process.platform !== 'linux',
  }, async () => {
    const openFiles = () => readdirSync('/proc/self/fd').length
    const before = openFiles()
    for (let round = 0; round < 20; round++) {
      await assert.rejects(loadNpz(`${ARRAYS}int8.npy`))
      assert.throws(() => sync.loadNpzSync(`${ARRAYS}int8.npy`))
      await (await loadNpz(`${ARRAYS}stored.npz`)).close()
      sync.loadNpzSync(`${ARRAYS}stored.npz`).close()
    }
    assert.ok(openFiles() <= before)
  })

  it('that was forgotten lets go of its file when it is collected', {
    skip: process.platform !== 'linux',
  }, async () => {
    const openFiles = () => readdirSync('/proc/self/fd').length
    const before = openFiles()
    for (let round = 0; round < 10; round++) {
      await loadNpz(`${ARRAYS}stored.npz`)
      sync.loadNpzSync(`${ARRAYS}stored.npz`)
    }
    for (let round = 0; round < 50 && openFiles() > before; round++) {
      globalThis.gc!()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(openFiles() <= before)
  })
})

describe('saving an npz', () => {
  const asNdArrays = (name: string): Record<string, AnyNdArray> => {
    const npz = parseNpz(fixture(name))
    return Object.fromEntries(npz.keys().map((key) => [key, npz.get(key)]))
  }

  it('writes byte for byte what np.savez wrote of row-major arrays', async () => {
    // NumPy keeps a column-major array so; it is read row-major, and its copy is written instead.
    const { arr_1: _fortran, ...arrays } = asNdArrays('stored.npz')
    const path = join(folder, 'stored.npz')
    await saveNpz(path, arrays)
    const expected = fixture('row-major.npz')
    assert.deepEqual(readFileSync(path), expected)
    assert.deepEqual(Buffer.from(encodeNpz(arrays)), expected)
    sync.saveNpzSync(path, arrays)
    assert.deepEqual(readFileSync(path), expected)
    assert.deepEqual(Buffer.from(encodeNpz({})), fixture('no-members.npz'))
  })

  it('deflates when asked to, and what was deflated is read again', async () => {
    const zeros = { data: new Float32Array(300_000), dtype: 'float32', shape: [300, 1000] } as const
    const path = join(folder, 'zeros.npz')
    for (const save of [saveNpz, sync.saveNpzSync]) {
      await save(path, { zeros }, { compress: true })
      assert.ok(statSync(path).size < 3000)
      await using npz = await loadNpz(path)
      assert.deepEqual(await npz.get('zeros'), zeros)
      using npzSync = sync.loadNpzSync(path)
      assert.deepEqual(npzSync.get('zeros'), zeros)
    }
  })

  it('refuses what is no array, and names it', async () => {
    const x: NdArray = { data: Uint8Array.of(1), dtype: 'uint8', shape: [1] }
    assert.throws(
      () => encodeNpz({ x: { ...x, shape: [2] } }),
      /`arrays\["x"\]\.shape` must be of 1 elements/,
    )
    assert.throws(() => encodeNpz({ '': x }), /`arrays` must be named by 1 to 65531 bytes, got ''/)
    assert.throws(
      () => encodeNpz({ x }, { compress: 1 } as never),
      /`compress` must be true or false, got 1/,
    )
    await assert.rejects(saveNpz('x.npz', { x }, { level: 9 } as never), /unknown option `level`/)
    await assert.rejects(
      saveNpz('x.npz', undefined as never),
      /`arrays` must be an object of arrays by name/,
    )
    await assert.rejects(saveNpz(join(folder, 'no/x.npz'), { x }), { code: 'ERR_WRITE' })
    assert.throws(() => sync.saveNpzSync(join(folder, 'no/x.npz'), { x }), { code: 'ERR_WRITE' })
  })

  it('a law: arrays of any names and bytes come back, stored and deflated', () => {
    const named = fc.dictionary(
      fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => !name.endsWith('.npy')),
      fc.uint8Array({ maxLength: 300 }),
      { maxKeys: 5 },
    )
    fc.assert(
      fc.property(named, fc.boolean(), (bytes, compress) => {
        const arrays = Object.fromEntries(
          Object.entries(bytes).map(([name, data]) => [
            name,
            { data, dtype: 'uint8', shape: [data.length] } as const,
          ]),
        )
        const npz = parseNpz(encodeNpz(arrays, { compress }))
        assert.deepEqual(npz.keys(), Object.keys(arrays))
        for (const [name, data] of Object.entries(bytes))
          assert.deepEqual([...npz.get(name).data], [...data])
      }),
    )
  })
})

describe('an npz beyond 4 GiB', () => {
  it('is read: sizes and places of zip64, in a file of which the disk stores a few kilobytes', async () => {
    const { directoryOf } = await import('../../../src/formats/zip/write-zip.ts')
    const small = encodeNpz({ a: { data: Float32Array.of(2.5), dtype: 'float32', shape: [1] } })
    const rows = 3 * 2 ** 20
    const npyHeader = Buffer.alloc(128, ' ')
    npyHeader.write('\x93NUMPY\x01\x00v\x00', 'latin1')
    npyHeader.write(`{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, 2048), }`, 10)
    const size = 128 + rows * 2048 // 6 GiB
    const entries = ['a.npy', 'large.npy', 'b.npy'].map((name, index) => ({
      nameBytes: Buffer.from(name),
      flags: 0,
      method: 0 as const,
      crc: index === 1 ? 0 : parseCrc(small),
      size: index === 1 ? size : 132,
      compressedSize: index === 1 ? size : 132,
      headerOffset: [0, 187, 187 + 59 + size][index]!,
    }))
    const path = join(folder, 'zip64.npz')
    const file = await open(path, 'w')
    const member = Buffer.from(small.subarray(0, 187))
    await file.write(member)
    const local = Buffer.alloc(59)
    member.copy(local, 0, 0, 30)
    local.writeUInt16LE(9, 26)
    local.write('large.npy', 30)
    await file.write(local, 0, 59, 187)
    await file.write(npyHeader, 0, 128, 187 + 59)
    await file.write(Buffer.of(9), 0, 1, 187 + 59 + size - 1)
    member.write('b', 30)
    await file.write(member, 0, 187, entries[2]!.headerOffset)
    const end = entries[2]!.headerOffset + 187
    await file.write(Buffer.concat(directoryOf(entries, end)), 0, undefined, end)
    await file.close()

    await using npz = await loadNpz(path)
    assert.deepEqual(npz.keys(), ['a', 'large', 'b'])
    assert.deepEqual([...(await npz.get('b')).data], [2.5])
    const last = await npz.get('large', { rows: [rows - 1, rows] })
    assert.deepEqual(last.shape, [1, 2048])
    assert.equal(last.data.at(-1), 9)
    using npzSync = sync.loadNpzSync(path)
    assert.deepEqual([...npzSync.get('a').data], [2.5])
  })

  it('and one of more than 65,535 arrays, have records as Python writes them', async () => {
    const x: NdArray = { data: Uint8Array.of(1), dtype: 'uint8', shape: [] }
    const bytes = encodeNpz(
      Object.fromEntries(Array.from({ length: 66_000 }, (_, index) => [`k${index}`, x])),
    )
    const npz = parseNpz(bytes)
    assert.equal(npz.keys().length, 66_000)
    assert.equal(npz.get('k65999').data[0], 1)
    await using opened = await loadNpz(bytes)
    assert.equal((await opened.get('k3')).data[0], 1)
  })
})

/** The checksum of the only member of an npz. */
function parseCrc(npz: Uint8Array): number {
  return Buffer.from(npz).readUInt32LE(14)
}
