import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as zlib from 'node:zlib'
import { iterateTarSync } from '../../src/sync.ts'
import {
  ALL_TYPES,
  ARCHIVES,
  archive,
  block,
  END,
  EXPECTED,
  headerBlock,
  inPieces,
  pax,
  readAll,
  sign,
  summary,
} from './tar-support.ts'

const HAS_ZSTD = 'createZstdDecompress' in zlib
const types = ALL_TYPES

describe('archives of GNU tar, bsdtar and Python', () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`${name} is what Python reads in it, from memory, file and stream`, async () => {
      const bytes = archive(name)
      assert.deepEqual([...iterateTarSync(bytes, { types })].map(summary), expected)
      assert.deepEqual((await readAll(bytes, { types })).map(summary), expected)
      assert.deepEqual([...iterateTarSync(ARCHIVES + name, { types })].map(summary), expected)
      assert.deepEqual((await readAll(ARCHIVES + name, { types })).map(summary), expected)
      const cuts = Array.from({ length: bytes.length / 100 }, (_, i) => i * 100)
      assert.deepEqual((await readAll(inPieces(bytes, cuts), { types })).map(summary), expected)
    })
  }

  it('gives files only, unless more is asked for', async () => {
    const files = EXPECTED['gnu.tar']!.filter(({ type }) => type === 'file')
    assert.deepEqual((await readAll(archive('gnu.tar'))).map(summary), files)
    const links = await readAll(archive('gnu.tar'), { types: ['link', 'symlink'] })
    assert.deepEqual(
      links.map(({ path, type, linkPath }) => [path, type, linkPath]),
      [
        ['./soft', 'symlink', 'one.bin'],
        ['./soft-far', 'symlink', 'x'.repeat(150)],
        ['./two.bin', 'link', './one.bin'],
      ],
    )
  })

  it('reads archives without members', async () => {
    assert.deepEqual(await readAll(archive('empty.tar')), [])
    assert.deepEqual(await readAll(Buffer.alloc(10240)), [])
    assert.deepEqual(
      await readAll(Buffer.alloc(512)),
      [],
      'GNU tar bears with a single block of zeros',
    )
  })

  for (const name of [
    'sparse-gnu.tar',
    'sparse-pax-0.0.tar',
    'sparse-pax-0.1.tar',
    'sparse-pax-1.0.tar',
  ]) {
    it(`refuses ${name}, naming the member, after the one before it`, async () => {
      const before: string[] = []
      await assert.rejects(
        async () => {
          for (const { path } of iterateTarSync(ARCHIVES + name)) before.push(path)
        },
        {
          code: 'ERR_UNSUPPORTED',
          member: 'holes.bin',
          message:
            /sparse-.*\.tar: member "holes.bin" at byte \d+: is a sparse file, which is not supported; pack it without --sparse/,
        },
      )
      assert.deepEqual(before, ['dense'])
      // It can be passed over, and then stops nothing.
      const filter = ({ path }: { path: string }): boolean => path !== 'holes.bin'
      const whole = archive(name)
      const blocks = whole.length - whole.toReversed().findIndex((byte) => byte !== 0)
      const more = Buffer.concat([
        whole.subarray(0, Math.ceil(blocks / 512) * 512),
        block({ path: 'after' }),
        END,
      ])
      const paths = [...iterateTarSync(more, { filter })].map(({ path }) => path)
      assert.deepEqual(paths, ['dense', 'after'])
      assert.deepEqual(
        (await readAll(inPieces(more, [1500]), { filter })).map(({ path }) => path),
        paths,
      )
    })
  }
})

describe('compression', () => {
  const expected = EXPECTED['pets.tar']!
  it('gzip, by its first bytes and not its name', async () => {
    assert.deepEqual((await readAll(`${ARCHIVES}pets.tar.gz`)).map(summary), expected)
    assert.deepEqual((await readAll(archive('pets.tar.gz'))).map(summary), expected)
    assert.deepEqual([...iterateTarSync(`${ARCHIVES}pets.tar.gz`)].map(summary), expected)
    assert.deepEqual([...iterateTarSync(archive('pets.tar.gz'))].map(summary), expected)
    const two = Buffer.concat([
      zlib.gzipSync(archive('pets.tar').subarray(0, 700)),
      zlib.gzipSync(archive('pets.tar').subarray(700)),
    ])
    assert.deepEqual(
      (await readAll(inPieces(two, [1, 2, 90]))).map(summary),
      expected,
      'gzip members one after another',
    )
    assert.deepEqual([...iterateTarSync(two)].map(summary), expected)
  })

  it('what follows the data of gzip is passed over, as zlib, Python and GNU gzip have it', async () => {
    const plain = archive('pets.tar')
    const [first, second] = [
      zlib.gzipSync(plain.subarray(0, 700)),
      zlib.gzipSync(plain.subarray(700)),
    ]
    const named = Buffer.from(second) // with an extra field, a name, a comment and a checksum of its header
    named[3] = 2 | 4 | 8 | 16
    const fields = Buffer.from('\x03\0xyzname\0comment\0cc', 'latin1')
    const whole = Buffer.concat([first, named.subarray(0, 10), fields, named.subarray(10)])
    for (const tail of ['\n', '\0', 'junk', '\x1f', '\x1f\x8bxxxxxxxxxxxxxxxx', '\0\0\0\n'].map(
      (text) => Buffer.from(text, 'latin1'),
    )) {
      const bytes = Buffer.concat([whole, tail])
      assert.deepEqual([...iterateTarSync(bytes)].map(summary), expected)
      for (let cut = first.length - 2; cut < bytes.length; cut += 3)
        assert.deepEqual((await readAll(inPieces(bytes, [cut]))).map(summary), expected)
    }
    const apart = Buffer.concat([first, Buffer.alloc(8), second]) // zeros between members
    assert.deepEqual((await readAll(apart)).map(summary), expected)
    assert.deepEqual([...iterateTarSync(apart)].map(summary), expected)
    for (const end of [first.length + 2, first.length + 5, whole.length - 4]) {
      await assert.rejects(readAll(whole.subarray(0, end)), { code: 'ERR_DECODE' })
      assert.throws(() => [...iterateTarSync(whole.subarray(0, end))], { code: 'ERR_DECODE' })
    }
  })

  it('zstd, in frames and with frames to skip', {
    skip: !HAS_ZSTD && `Node ${process.version} has no zstd`,
  }, async () => {
    assert.deepEqual((await readAll(`${ARCHIVES}pets.tar.zst`)).map(summary), expected)
    assert.deepEqual([...iterateTarSync(`${ARCHIVES}pets.tar.zst`)].map(summary), expected)
    const { zstdCompressSync } = zlib as unknown as { zstdCompressSync(bytes: Uint8Array): Buffer }
    const plain = archive('pets.tar')
    const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const frames = Buffer.concat([
      skipped,
      zstdCompressSync(plain.subarray(0, 1000)),
      skipped,
      zstdCompressSync(plain.subarray(1000, 1001)),
      zstdCompressSync(plain.subarray(1001)),
      skipped,
    ])
    assert.deepEqual([...iterateTarSync(frames)].map(summary), expected)
    assert.deepEqual((await readAll(frames)).map(summary), expected)
    for (let cut = 1; cut < frames.length; cut++)
      assert.deepEqual(
        (await readAll(inPieces(frames, [cut, cut + 3]))).map(summary),
        expected,
        `cut at ${cut}`,
      )
    for (let cut = 1; cut < frames.length - skipped.length; cut++) {
      const isAfterFrame = [11, 11 + 0].includes(cut)
      await assert.rejects(readAll(frames.subarray(0, cut)), { code: 'ERR_DECODE' }, `${cut}`)
      assert.throws(
        () => [...iterateTarSync(frames.subarray(0, cut))],
        { code: 'ERR_DECODE' },
        `${cut}`,
      )
    }
  })

  it('zstd says what Node it needs', { skip: HAS_ZSTD && 'this Node has it' }, async () => {
    const rejection = {
      code: 'ERR_UNSUPPORTED',
      message:
        /pets\.tar\.zst: is compressed with zstd, which Node .* cannot read; Node 22\.15, 23\.8 and later can/,
    }
    await assert.rejects(readAll(`${ARCHIVES}pets.tar.zst`), rejection)
    assert.throws(() => [...iterateTarSync(`${ARCHIVES}pets.tar.zst`)], rejection)
  })

  for (const [ending, name] of [
    ['bz2', 'bzip2'],
    ['xz', 'xz'],
  ]) {
    it(`${name} is refused by name`, async () => {
      const rejection = {
        code: 'ERR_UNSUPPORTED',
        message: `${ARCHIVES}pets.tar.${ending}: is compressed with ${name}, which is not supported; gzip and zstd are`,
      }
      await assert.rejects(readAll(`${ARCHIVES}pets.tar.${ending}`), rejection)
      assert.throws(() => [...iterateTarSync(`${ARCHIVES}pets.tar.${ending}`)], rejection)
      assert.throws(() => [...iterateTarSync(archive(`pets.tar.${ending}`))], {
        code: 'ERR_UNSUPPORTED',
      })
    })
  }

  it('truncated and damaged compressed archives are errors, wherever they are cut', async () => {
    const bytes = archive('pets.tar.gz')
    for (let length = 3; length < bytes.length; length++) {
      await assert.rejects(readAll(bytes.subarray(0, length)), { code: 'ERR_DECODE' }, `${length}`)
      assert.throws(() => [...iterateTarSync(bytes.subarray(0, length))], { code: 'ERR_DECODE' })
    }
    const damaged = Buffer.from(bytes)
    damaged[damaged.length - 6]! ^= 1 // in the checksum, after the end of the tar
    await assert.rejects(readAll(damaged), { code: 'ERR_DECODE', message: /incorrect data check/ })
  })

  it('a compressed archive is decompressed as a whole only up to a limit, in the synchronous form', () => {
    const bomb = zlib.gzipSync(Buffer.alloc(3_000_000))
    assert.throws(() => [...iterateTarSync(bomb, { maxDecompressedBytes: 1_000_000 })], {
      code: 'ERR_TOO_LARGE',
      message:
        /decompresses to more than `maxDecompressedBytes` \(1000000\); iterateTar does it piece by piece/,
    })
  })
})

describe('header fields', () => {
  const one = async (bytes: Buffer) => (await readAll(bytes, { types }))[0]!

  it('sizes in base-256, over 8 GiB: of a stream that is skipped without its bytes being kept', async () => {
    const size = 9 * 1024 ** 3
    const field = Buffer.alloc(12)
    field[0] = 0x80
    field.writeBigUInt64BE(BigInt(size), 4)
    const piece = Buffer.alloc(64 * 1024 * 1024)
    async function* pieces() {
      yield headerBlock({ path: 'huge.bin', size: field })
      for (let left = size; left > 0; left -= piece.length) yield piece
      yield block({ path: 'after', data: Buffer.from('here') })
      yield END
    }
    const seen: [string, number][] = []
    const members = await readAll(pieces(), {
      filter: ({ path, size }) => {
        seen.push([path, size])
        return path === 'after'
      },
    })
    assert.deepEqual(seen, [
      ['huge.bin', size],
      ['after', 4],
    ])
    assert.deepEqual(
      members.map(({ path, offset }) => [path, offset]),
      [['after', size + 1024]],
    )
  })

  it('sizes in pax headers, which win over the field', async () => {
    const bytes = Buffer.concat([
      pax({ size: '5' }),
      headerBlock({ path: 'a', size: '00000000000\0' }),
      Buffer.from('hello'),
      Buffer.alloc(507),
      END,
    ])
    assert.equal(Buffer.from((await one(bytes)).data).toString(), 'hello')
  })

  it('global pax headers hold until they are taken back', async () => {
    const a = block({ path: 'a', linkPath: 'x', flag: '2' })
    const bytes = Buffer.concat([
      pax({ mtime: '1000.5', linkpath: 'global' }, 'g'),
      a,
      pax({ linkpath: 'own' }),
      a,
      a,
      pax({ mtime: '' }, 'g'),
      a,
      END,
    ])
    assert.deepEqual(
      (await readAll(bytes, { types })).map(({ mtime, linkPath }) => [mtime.getTime(), linkPath]),
      [
        [1000500, 'global'],
        [1000500, 'own'],
        [1000500, 'global'],
        [0o14524464400 * 1000, 'global'],
      ],
    )
  })

  it('an old archive: no magic, spaces in numbers, a directory by its slash', async () => {
    const header = headerBlock({
      path: 'old/',
      flag: '\0',
      magic: '\0',
      size: '          0 ',
      mtime: '   12345670 ',
    })
    const { path, type, mtime } = await one(Buffer.concat([header, END]))
    assert.deepEqual([path, type, mtime.getTime()], ['old', 'directory', 0o12345670 * 1000])
  })

  it('a checksum of signed bytes', async () => {
    const header = headerBlock({ path: 'gr\xfc\xdfe' })
    let sum = 8 * 32
    for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += header.readInt8(i)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    assert.equal((await one(Buffer.concat([header, END]))).path, 'grüße')
  })

  it('the prefix of ustar, and not of GNU tar, which has times there', async () => {
    const prefix = '14524464400'
    assert.equal(
      (await one(Buffer.concat([block({ path: 'n', prefix }), END]))).path,
      '14524464400/n',
    )
    assert.equal(
      (await one(Buffer.concat([block({ path: 'n', prefix, magic: 'ustar  \0' }), END]))).path,
      'n',
    )
  })

  it('types: contiguous files are files, unknown ones are others, links have no data whatever their size says', async () => {
    const data = Buffer.from('data')
    const link = headerBlock({ path: 'link', flag: '1', linkPath: 'c', size: '00000000004\0' })
    const bytes = Buffer.concat([
      block({ path: 'c', flag: '7', data }),
      block({ path: 'o', flag: 'Z', data }),
      link,
      block({ path: 'd', flag: '3' }),
      block({ path: 'b', flag: '4' }),
      END,
    ])
    assert.deepEqual(
      (await readAll(bytes, { types })).map(({ path, type, size }) => [path, type, size]),
      [
        ['c', 'file', 4],
        ['o', 'other', 4],
        ['link', 'link', 0],
        ['d', 'characterDevice', 0],
        ['b', 'blockDevice', 0],
      ],
    )
  })

  it('volumes are refused, labels passed over', async () => {
    await assert.rejects(readAll(Buffer.concat([block({ path: 'rest', flag: 'M' }), END])), {
      code: 'ERR_UNSUPPORTED',
      member: 'rest',
    })
    assert.deepEqual(await readAll(Buffer.concat([block({ path: 'label', flag: 'V' }), END])), [])
  })

  it('a name of bytes that are not UTF-8 stays apart from others', async () => {
    const header = Buffer.concat([block({ path: 'x' }), block({ path: 'x' }), END])
    header[0] = 0xfc
    header[512] = 0xfd
    sign(header.subarray(0, 512))
    sign(header.subarray(512, 1024))
    assert.deepEqual(
      (await readAll(header)).map(({ path }) => path),
      ['ü', 'ý'],
    )
  })
})
