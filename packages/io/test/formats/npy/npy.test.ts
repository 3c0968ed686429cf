import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import {
  type DType,
  encodeNpy,
  loadNpy,
  type MediaError,
  type NdArray,
  parseNpy,
  saveNpy,
} from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { ARRAYS, assertHolds, bytesOf, craftNpy, fixture, NPY } from '../../fixtures/arrays.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-npy-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('npy files that NumPy wrote', () => {
  for (const [name, expected] of NPY) {
    it(`${name}: ${expected.dtype} [${expected.shape}] is read to the bit`, async () => {
      assertHolds(parseNpy(fixture(name)), expected)
      assertHolds(await loadNpy(ARRAYS + name), expected)
      assertHolds(sync.loadNpySync(ARRAYS + name), expected)
    })
  }

  it('come from paths, URLs, bytes, shared memory and Blobs alike', async () => {
    const expected = NPY.get('rank-3.npy')!
    const bytes = fixture('rank-3.npy')
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    const sources = [
      new URL(pathToFileURL(`${ARRAYS}rank-3.npy`)),
      new URL(`data:application/octet-stream;base64,${bytes.toString('base64')}`),
      bytes,
      Uint8Array.from(bytes).buffer,
      shared,
      shared.buffer,
      new Blob([Uint8Array.from(bytes)]),
    ]
    for (const source of sources) {
      assertHolds(await loadNpy(source), expected)
      const rows = await loadNpy(source, { rows: [1, 2] })
      assert.deepEqual(rows.shape, [1, 4, 5])
      assert.deepEqual(
        [...rows.data],
        [...Array(20).keys()].map((i) => i + 20),
      )
    }
    assertHolds(sync.loadNpySync(sources[0] as URL), expected)
    assertHolds(sync.loadNpySync(shared), expected)
  })

  it('are read at any offset in memory, as a view where the elements are aligned', () => {
    for (const [name, expected] of NPY) {
      const bytes = fixture(name)
      for (const offset of [0, 1, 2, 4, 6, 8, 16]) {
        const memory = new Uint8Array(bytes.length + 16)
        const place = memory.subarray(offset, offset + bytes.length)
        place.set(bytes)
        const before = place.slice()
        const array = parseNpy(place)
        assertHolds(array, expected)
        assert.deepEqual(place, before, 'what was given is not changed')
        const isAsIs = !/big|fortran/.test(name) && offset % array.data.BYTES_PER_ELEMENT === 0
        if (isAsIs) assert.equal(array.data.buffer, memory.buffer)
        else if (/(big|rank-.-fortran)/.test(name))
          assert.notEqual(array.data.buffer, memory.buffer)
      }
    }
  })

  it('given as bytes are seen, not copied: zeroing them zeroes the array', () => {
    const bytes = fixture('int32.npy')
    const memory = new Uint8Array(bytes)
    const array = parseNpy(memory)
    memory.fill(0)
    assert.ok([...array.data].every((value) => Number(value) === 0))
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    assert.equal(parseNpy(shared).data.buffer, shared.buffer)
  })

  it('are written by encodeNpy byte for byte', () => {
    for (const [name, { dtype }] of NPY) {
      if (/big|fortran|complex|version-[23]/.test(name)) continue
      const array = parseNpy(fixture(name))
      assert.equal(array.dtype, dtype)
      assert.deepEqual(Buffer.from(encodeNpy(array)), fixture(name), name)
    }
  })

  it('big-endian and column-major ones are written as their plain twins are', () => {
    for (const [name] of NPY) {
      const twin = name.replace(/(-big|-fortran)+/, '')
      if (twin === name || /complex/.test(name) || !NPY.has(twin)) continue
      assert.deepEqual(Buffer.from(encodeNpy(parseNpy(fixture(name)))), fixture(twin), name)
    }
  })

  it('complex numbers become a last axis of real and imaginary part', () => {
    const array = parseNpy(fixture('complex64.npy'))
    assert.deepEqual(array.shape, [2, 3, 2])
    assert.deepEqual([...array.data].slice(-2).map(Number), [3, -4])
  })
})

describe('rows of an npy', () => {
  it('are the slice of the whole, in every form', async () => {
    for (const name of [
      'rank-3.npy',
      'rank-3-fortran.npy',
      'rank-1.npy',
      'int16-big.npy',
      'complex64-fortran.npy',
    ]) {
      const whole = parseNpy(fixture(name))
      const count = whole.shape[0]!
      const rowBytes = bytesOf(whole).length / count
      for (let start = 0; start < count; start++) {
        for (const end of [start, start + 1, count, count + 7, Infinity]) {
          const rows = [start, end] as const
          const expected = bytesOf(whole).subarray(
            start * rowBytes,
            Math.min(end, count) * rowBytes,
          )
          for (const array of [
            parseNpy(fixture(name), { rows }),
            await loadNpy(ARRAYS + name, { rows }),
            sync.loadNpySync(ARRAYS + name, { rows }),
          ]) {
            assert.deepEqual(array.shape, [Math.min(end, count) - start, ...whole.shape.slice(1)])
            assert.deepEqual(bytesOf(array), expected)
          }
        }
      }
    }
  })

  it('of a file larger than memory cost what they hold', async () => {
    const { open } = await import('node:fs/promises')
    const path = join(folder, 'large.npy')
    const rows = 2 ** 31
    const [header] = [
      Buffer.from(encodeNpy({ data: new Float32Array(0), dtype: 'float32', shape: [0, 1024] })),
    ]
    header.write(`(${rows}, 1024), }`, header.indexOf('(0, 1024)'))
    const file = await open(path, 'w')
    await file.write(header)
    await file.truncate(128 + rows * 4096) // 8 TiB, of which the file system stores nothing
    await file.write(new Float32Array([1.5]), 0, 4, 128 + (rows - 1) * 4096)
    await file.close()
    const last = await loadNpy(path, { rows: [rows - 1, rows] })
    assert.deepEqual(last.shape, [1, 1024])
    assert.equal(last.data[0], 1.5)
    assert.deepEqual(sync.loadNpySync(path, { rows: [rows - 2, rows] }).shape, [2, 1024])
    await assert.rejects(loadNpy(path), (error: MediaError) => {
      assert.equal(error.code, 'ERR_UNSUPPORTED')
      assert.match(error.message, /large\.npy: no memory for 8796093022336 bytes at once/)
      return true
    })
    rmSync(path)
  })

  it('must begin within the array', async () => {
    const bytes = fixture('rank-3.npy')
    const faults: [unknown, RegExp][] = [
      [[3, 4], /`rows` must begin before row 3, got \[3, 4\]/],
      [[2, 1], /`rows` must be \[start, end\], integers with 0 <= start <= end, got \[2, 1\]/],
      [[-1, 1], /got \[-1, 1\]/],
      [[0.5, 1], /got \[0.5, 1\]/],
      [[0], /got \[0\]/],
      [5, /got 5/],
      [[Infinity, Infinity], /got \[Infinity, Infinity\]/],
    ]
    for (const [rows, message] of faults) {
      const options = { rows: rows as [number, number] }
      assert.throws(() => parseNpy(bytes, options), { code: 'ERR_BAD_OPTION', message })
      await assert.rejects(loadNpy(`${ARRAYS}rank-3.npy`, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
      assert.throws(() => sync.loadNpySync(bytes, options), { code: 'ERR_BAD_OPTION', message })
    }
    assert.throws(
      () => parseNpy(fixture('rank-0.npy'), { rows: [0, 1] }),
      /`rows` of an array without axes/,
    )
    assert.deepEqual(parseNpy(fixture('empty-0-0.npy'), { rows: [0, 5] }).shape, [0, 0])
  })
})

describe('an npy read into memory that is there', () => {
  it('fills it and gives it back, whether it must be converted or not', async () => {
    for (const [name, expected] of NPY) {
      const whole = parseNpy(fixture(name))
      const Data = whole.data.constructor as Uint8ArrayConstructor
      const batch = new Data(whole.data.length + 2) // the slot begins at its second element
      const into = { ...whole, data: batch.subarray(1, -1) } as NdArray
      const sources = [ARRAYS + name, fixture(name), new Blob([Uint8Array.from(fixture(name))])]
      for (const load of [
        ...sources.map((source) => () => loadNpy(source, { into })),
        () => sync.loadNpySync(ARRAYS + name, { into }),
      ]) {
        new Uint8Array(batch.buffer).fill(0)
        const array = await load()
        assert.equal(array, into)
        assertHolds(array, expected)
        assert.equal(Number(batch[0]), 0)
        assert.equal(Number(batch.at(-1)), 0)
      }
    }
  })

  it('takes rows', async () => {
    for (const name of ['rank-3.npy', 'rank-3-fortran.npy']) {
      const into = { data: new Int32Array(40), dtype: 'int32', shape: [2, 4, 5] } as const
      await loadNpy(ARRAYS + name, { into, rows: [1, 3] })
      assert.deepEqual(into.data, parseNpy(fixture('rank-3.npy')).data.slice(20))
    }
  })

  it('must fit', async () => {
    const into = { data: new Int32Array(60), dtype: 'int32', shape: [3, 20] } as const
    const message =
      /rank-3\.npy: `into` must be int32 \[3, 4, 5\], as the file has, got 'int32 \[3, 20\]'/
    await assert.rejects(loadNpy(`${ARRAYS}rank-3.npy`, { into }), {
      code: 'ERR_BAD_OPTION',
      message,
    })
    assert.throws(() => sync.loadNpySync(`${ARRAYS}rank-3.npy`, { into }), {
      code: 'ERR_BAD_OPTION',
      message,
    })
    await assert.rejects(loadNpy('x', { into: 5 as never }), /`into\.dtype` must be one of/)
    assert.ok(into.data.every((element) => element === 0))
  })
})

describe('saving an npy', () => {
  const array: NdArray<'float32'> = {
    data: Float32Array.of(1, 2, 3, 4),
    dtype: 'float32',
    shape: [2, 2],
  }

  it('writes what encodeNpy gives, in both forms, and leaves nothing beside it', async () => {
    const path = join(folder, 'saved.npy')
    await saveNpy(path, array)
    assert.deepEqual(readFileSync(path), Buffer.from(encodeNpy(array)))
    sync.saveNpySync(pathToFileURL(path), { ...array, shape: [4] })
    assert.deepEqual((await loadNpy(path)).shape, [4])
    const view = { ...array, data: array.data.subarray(1, 3), shape: [2] }
    await saveNpy(pathToFileURL(path), view)
    assert.deepEqual([...(await loadNpy(path)).data], [2, 3])
    await saveNpy(path, { data: new Uint8Array(0), dtype: 'uint8', shape: [0, 7] })
    assert.deepEqual((await loadNpy(path)).shape, [0, 7])
    assert.deepEqual(readdirSync(folder), ['saved.npy'])
  })

  it('keeps the old file when it fails, and says where', async () => {
    const missing = join(folder, 'no-such-folder', 'a.npy')
    const fault = { code: 'ERR_WRITE', source: missing, message: /no-such-folder\/a\.npy: ENOENT/ }
    await assert.rejects(saveNpy(missing, array), fault)
    assert.throws(() => sync.saveNpySync(missing, array), fault)
    // A folder that is not empty cannot be replaced: the fault comes at the last step, the
    // renaming.
    await assert.rejects(saveNpy(folder, array), { code: 'ERR_WRITE' })
    assert.throws(() => sync.saveNpySync(folder, array), { code: 'ERR_WRITE' })
    assert.deepEqual(
      readdirSync(join(folder, '..')).filter((name) =>
        name.includes(`${folder.split('/').at(-1)}.`),
      ),
      [],
    )
  })

  it('refuses what is no array', async () => {
    const faults: [unknown, RegExp][] = [
      [{ ...array, shape: [3] }, /`array.shape` must be of 4 elements, as `data` has, got \[3\]/],
      [
        { ...array, dtype: 'int32' },
        /`array.data` must be a Int32Array for dtype int32, got a Float32Array of 4/,
      ],
      [
        { ...array, dtype: 'float128' },
        /`array.dtype` must be one of bool, .*float64, got 'float128'/,
      ],
      [
        { ...array, shape: [2.5, 2] },
        /`array.shape` must be an array of integers >= 0, got \[2.5, 2\]/,
      ],
      [undefined, /`array.dtype` must be one of/],
    ]
    for (const [value, message] of faults) {
      assert.throws(() => encodeNpy(value as NdArray), { code: 'ERR_BAD_OPTION', message })
      await assert.rejects(saveNpy(join(folder, 'x.npy'), value as NdArray), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    }
    await assert.rejects(saveNpy('', array), /`path` must be a path or a file: URL, got ''/)
    await assert.rejects(
      saveNpy(new URL('http://x/'), array),
      /`path` must be .*got 'http:\/\/x\/'/,
    )
  })
})

describe('a law', () => {
  const dtypes: readonly DType[] = [
    'bool',
    'uint8',
    'int8',
    'uint16',
    'int16',
    'float16',
    'float32',
    'float64',
    'int64',
  ]
  const classes = {
    bool: Uint8Array,
    uint8: Uint8Array,
    int8: Int8Array,
    uint16: Uint16Array,
    int16: Int16Array,
  }
  const more = {
    float16: Uint16Array,
    float32: Float32Array,
    float64: Float64Array,
    int64: BigInt64Array,
  }
  const arrays = fc
    .record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.nat({ max: 5 }), { maxLength: 5 }),
      seed: fc.nat(255),
    })
    .map(({ dtype, shape, seed }) => {
      const Data = { ...classes, ...more }[dtype as 'uint8']
      const size = shape.reduce((product, side) => product * side, 1)
      const bytes = new Uint8Array(size * Data.BYTES_PER_ELEMENT).map((_, i) => seed + i * 31)
      return { data: new Data(bytes.buffer), dtype, shape } as NdArray
    })

  it('what is encoded is read again, to the bit', () => {
    fc.assert(
      fc.property(arrays, (array) => {
        const again = parseNpy(encodeNpy(array))
        assert.equal(again.dtype, array.dtype)
        assert.deepEqual(again.shape, array.shape)
        assert.deepEqual(bytesOf(again), bytesOf(array as never))
      }),
    )
  })

  it('a column-major array is the transposition of the row-major one with its axes turned around', () => {
    fc.assert(
      fc.property(arrays, (array) => {
        const [header] = String(Buffer.from(encodeNpy(array))).match(/\{.*?\}/)!
        const tuple = array.shape.map((side) => `${side},`).join(' ')
        const dict = header.replace(/False, 'shape': \([^)]*\)/, `True, 'shape': (${tuple})`)
        const file = craftNpy(dict, bytesOf(array as never))
        const turned = parseNpy(file)
        assert.deepEqual(turned.shape, array.shape)
        for (let at = 0; at < turned.data.length; at++) {
          let rest = at
          let from = 0
          const position = array.shape.map(() => 0)
          for (let axis = array.shape.length - 1; axis >= 0; axis--) {
            position[axis] = rest % array.shape[axis]!
            rest = Math.floor(rest / array.shape[axis]!)
          }
          for (let axis = array.shape.length - 1; axis >= 0; axis--)
            from = from * array.shape[axis]! + position[axis]!
          assert.ok(Object.is(turned.data[at], array.data[from]))
        }
      }),
    )
  })
})
