import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadNpy, MediaError, type MediaErrorCode, parseNpy } from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { ARRAYS, bytesOf, craftNpy, fixture, NPY, REFUSED } from '../../fixtures/arrays.ts'
import { numbers } from '../../support.ts'

/**
 * Whether it parses; anything but an array that fits its bytes or a fault that names its source
 * fails the test.
 */
function parses(bytes: Uint8Array): boolean {
  try {
    const { data, shape } = parseNpy(bytes)
    assert.equal(
      data.length,
      shape.reduce((size, side) => size * side, 1),
    )
    assert.ok(data.byteLength <= bytes.byteLength, 'no more memory than the file has')
    return true
  } catch (error) {
    assert.ok(error instanceof MediaError, String(error))
    assert.ok(error.code === 'ERR_DECODE' || error.code === 'ERR_UNSUPPORTED', error.code)
    assert.equal(error.source, `${bytes.length} bytes`)
    assert.ok(error.message.startsWith(`${bytes.length} bytes: `), error.message)
    return false
  }
}

describe('a damaged npy', () => {
  it('is an error wherever it is cut; bytes that follow are passed over', async () => {
    for (const [name] of NPY) {
      const whole = fixture(name)
      for (let length = 0; length < whole.length; length++)
        assert.equal(parses(whole.subarray(0, length)), false)
      assert.equal(parses(whole), true)
      const longer = Buffer.concat([whole, Buffer.from('\n\x93NUMPY', 'latin1')])
      assert.deepEqual(bytesOf(parseNpy(longer)), bytesOf(parseNpy(whole)))
      assert.deepEqual(bytesOf(await loadNpy(longer)), bytesOf(parseNpy(whole)))
    }
    await assert.rejects(loadNpy(fixture('int32.npy').subarray(0, 150)), {
      code: 'ERR_DECODE',
      message: '150 bytes: truncated: int32 [2, 3] has 24 bytes, but only 22 are there',
    })
  })

  it('with one bit flipped is an array of the same size or an error', () => {
    for (const name of ['rank-3.npy', 'int16-big-fortran.npy', 'version-2.npy']) {
      const whole = fixture(name)
      for (let bit = 0; bit < 128 * 8; bit++) {
        const bytes = Buffer.from(whole)
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
        parses(bytes)
      }
    }
  })

  it('with random bytes in its header does no more harm than an error', () => {
    const random = numbers(11)
    const alphabet = '{}()[],:\'"0123456789TrueFalse<>|fiu bcOUVLdescrshape_fortran_order\\\n'
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(fixtureOnce)
      for (let i = 0; i <= random(4); i++)
        bytes[10 + random(70)] = alphabet.charCodeAt(random(alphabet.length))
      parses(bytes)
    }
  })

  it('says what is wrong', () => {
    const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
    const cases: [Buffer, MediaErrorCode, RegExp][] = [
      [Buffer.alloc(0), 'ERR_DECODE', /is empty/],
      [Buffer.from('PK\x03\x04'), 'ERR_DECODE', /a zip file: npz files are read by `loadNpz`/],
      [Buffer.of(0x80, 4, 0x95), 'ERR_DECODE', /a Python pickle, which is never loaded/],
      [
        Buffer.from('hello, world'),
        'ERR_DECODE',
        /not an npy file: it begins with the bytes 68 65 6c 6c 6f 2c 20 77/,
      ],
      [
        craft((bytes) => (bytes[6] = 4)),
        'ERR_UNSUPPORTED',
        /npy format version 4\.0; known are 1\.0, 2\.0 and 3\.0/,
      ],
      [craft((bytes) => (bytes[7] = 1)), 'ERR_UNSUPPORTED', /version 1\.1/],
      [
        craft((bytes) => bytes.writeUInt16LE(60_000, 8)),
        'ERR_DECODE',
        /ends after 368 bytes, within a header of 60010/,
      ],
      [
        craftNpy(good, undefined, 2).fill(0xff, 8, 12),
        'ERR_DECODE',
        /a header of 4294967295 bytes/,
      ],
      [craftNpy('     '), 'ERR_DECODE', /a damaged header \(no '\{' where one must be\)/],
      [craftNpy(`${good}${good}`), 'ERR_DECODE', /\(more than one dict\)/],
      [
        craftNpy(good.replace(", 'shape': (2,)", '')),
        'ERR_DECODE',
        /\(not all of descr, fortran_order and shape\)/,
      ],
      [craftNpy(good.replace('shape', 'descr')), 'ERR_DECODE', /\(the field 'descr' twice\)/],
      [craftNpy(good.replace('shape', 'size')), 'ERR_DECODE', /\(an unknown field 'size'\)/],
      [
        craftNpy(good.replace('shape', '__proto__')),
        'ERR_DECODE',
        /\(an unknown field '__proto__'\)/,
      ],
      [craftNpy(good.replace('(2,)', '(2)')), 'ERR_DECODE', /\(no ',' where one must be\)/],
      [
        craftNpy(good.replace('(2,)', '(-2,)')),
        'ERR_DECODE',
        /\(no integer for a number of the shape\)/,
      ],
      [craftNpy(good.replace('(2,)', '(2.5,)')), 'ERR_DECODE', /damaged header/],
      [craftNpy(good.replace('False', '0')), 'ERR_DECODE', /\(no boolean for fortran_order\)/],
      [craftNpy(good.replace("'<f4'", 'exit()')), 'ERR_DECODE', /damaged header/],
      [craftNpy(good.replace("'<f4'", '[[[[')), 'ERR_DECODE', /damaged header/],
      [craftNpy(good.replace('<f4', 'f3')), 'ERR_UNSUPPORTED', /dtype 'f3' is not supported/],
      [craftNpy(good.replace('<f4', '<f3')), 'ERR_UNSUPPORTED', /dtype '<f3' is not supported/],
      [craftNpy(good.replace('<f4', 'constructor')), 'ERR_UNSUPPORTED', /dtype 'constructor'/],
      [craftNpy(good.replace('<f4', '<constructor')), 'ERR_UNSUPPORTED', /dtype '<constructor'/],
      [
        craftNpy(good.replace('(2,)', `(${'9'.repeat(400)},)`)),
        'ERR_DECODE',
        /an impossible shape/,
      ],
      [
        craftNpy(good.replace('(2,)', '(4294967296, 4294967296)')),
        'ERR_DECODE',
        /an impossible shape, \(4294967296/,
      ],
      [
        craftNpy(good.replace('(2,)', '(0, 99999999999999999999)')),
        'ERR_DECODE',
        /an impossible shape/,
      ],
      [
        craftNpy(good.replace('(2,)', `(${'1, '.repeat(65)})`)),
        'ERR_DECODE',
        /65 dimensions; NumPy has at most 64/,
      ],
      [
        craftNpy(good.replace('(2,)', '(1000000000000,)')),
        'ERR_DECODE',
        /float32 \[1000000000000\] has 4000000000000 bytes/,
      ],
    ]
    for (const [bytes, code, message] of cases)
      assert.throws(() => parseNpy(bytes), { code, message })
  })

  it('takes what other writers write: other orders and quotes, no last comma, 3L of Python 2', () => {
    const data = new Uint8Array(24)
    for (const dict of [
      "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
      '{"descr": "<f4", "fortran_order": False, "shape": (2L, 3L)}  ',
      "{ 'descr' :'<f4' ,'fortran_order' :False,'shape' :( 2 ,3,) , }",
    ]) {
      assert.deepEqual(parseNpy(craftNpy(dict, data)).shape, [2, 3])
    }
    for (const descr of ["'f4'", "'|f4'", "'=f4'", "'<f'", "'float32'", "u'<f4'", "'single'"]) {
      const dict = `{'descr': ${descr}, 'fortran_order': False, 'shape': (6,), }`
      assert.equal(parseNpy(craftNpy(dict, data)).dtype, 'float32', descr)
    }
    const bools = craftNpy("{'descr': '|?', 'fortran_order': False, 'shape': (24,), }", data)
    assert.equal(parseNpy(bools).dtype, 'bool')
  })
})

describe('what is not numbers', () => {
  const hints: Record<string, RegExp> = {
    object: /dtype '\|O' is not supported: Python objects \(pickle\), which are never loaded/,
    text: /dtype '<U2' is not supported: text/,
    'byte-strings': /dtype '\|S2' is not supported: byte strings/,
    times: /dtype '<M8\[s\]' is not supported: times/,
    'time-differences': /dtype '<m8\[ms\]' is not supported: times/,
    structured: /structured dtype \[\('x', '<f4'\), \('y', '<i2', \(2,\)\)\]: save its fields/,
    'structured-unicode': /structured dtype \[\('größe', '<f4'\)\]: save its fields/,
    raw: /dtype '\|V2' is not supported: raw bytes \(bfloat16/,
    'long-double': /dtype '<f16' is not supported: long double/,
  }
  for (const name of REFUSED) {
    it(`${name} is refused with its dtype and what helps`, async () => {
      const message = hints[name.replace(/refused-|\.npy/g, '')]!
      const fault = { name: 'MediaError', code: 'ERR_UNSUPPORTED', source: ARRAYS + name, message }
      await assert.rejects(loadNpy(ARRAYS + name), fault)
      assert.throws(() => sync.loadNpySync(ARRAYS + name), fault)
    })
  }
})

describe('a source', () => {
  it('that cannot be read is named', async () => {
    const message = /no-such\.npy: ENOENT/
    await assert.rejects(loadNpy('no-such.npy'), {
      code: 'ERR_READ',
      source: 'no-such.npy',
      message,
    })
    await assert.rejects(loadNpy('no-such.npy', { rows: [0, 1] }), { code: 'ERR_READ', message })
    assert.throws(() => sync.loadNpySync('no-such.npy'), { code: 'ERR_READ', message })
    await assert.rejects(loadNpy(ARRAYS), { code: 'ERR_READ', message: /EISDIR/ })
    assert.throws(() => sync.loadNpySync(ARRAYS), {
      code: 'ERR_READ',
      message: /is not a regular file/,
    })
    await assert.rejects(loadNpy(new URL('http://127.0.0.1:9/a.npy')), { code: 'ERR_READ' })
  })

  it('of a wrong kind, and unknown options, are refused', async () => {
    await assert.rejects(loadNpy(5 as never), {
      code: 'ERR_BAD_OPTION',
      message: /`source` must be a path/,
    })
    assert.throws(() => parseNpy('a.npy' as never), {
      code: 'ERR_BAD_OPTION',
      message: /`bytes` must be a Uint8Array/,
    })
    await assert.rejects(loadNpy('a', { row: [0, 1] } as never), /unknown option `row`/)
    assert.throws(
      () => parseNpy(Buffer.alloc(0), { signal: 1 } as never),
      /unknown option `signal`; known are rows/,
    )
    await assert.rejects(
      loadNpy('a', { signal: 1 as never }),
      /`signal` must be an AbortSignal, got 1/,
    )
    assert.throws(
      () => sync.loadNpySync(new Blob([])),
      /`source` must be a path, a file: URL or bytes in the synchronous/,
    )
    assert.throws(() => sync.loadNpySync(new URL('http://x/a.npy')), { code: 'ERR_BAD_OPTION' })
  })

  it('is given up when the signal says so, with its reason', async () => {
    const reason = new Error('enough')
    await assert.rejects(
      loadNpy(`${ARRAYS}int32.npy`, { signal: AbortSignal.abort(reason) }),
      reason,
    )
    const controller = new AbortController()
    const loading = loadNpy(`${ARRAYS}int32.npy`, { signal: controller.signal, rows: [0, 1] })
    controller.abort(reason)
    await assert.rejects(loading, reason)
  })
})

const fixtureOnce = fixture('rank-3.npy')

function craft(change: (bytes: Buffer) => unknown): Buffer {
  const bytes = Buffer.from(fixtureOnce)
  change(bytes)
  return bytes
}
