import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import * as zlib from 'node:zlib'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { codecs, GroupBudget } from '../../src/formats/parquet/codecs.ts'
import { guardedFile } from '../../src/formats/parquet/guarded-file.ts'
import {
  fromParquet,
  fromWebDataset,
  groupByKey,
  iterateTar,
  loadNpz,
  parseNpz,
  streamTar,
  TarIndex,
  ZipFile,
} from '../../src/index.ts'
import { iterateTarSync, loadNpzSync, TarIndexSync, ZipFileSync } from '../../src/sync.ts'
import { paxRecord, type TarInput, tarOf } from './tar-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'bombs-'))
after(() => rmSync(folder, { recursive: true }))
const MIB = 1024 ** 2

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count++
  return count
}

describe('extended headers of a tar', () => {
  /** Each keyword is another one, so that keeping them would take as much memory as they have. */
  const header = (type: string, number: number): TarInput => ({
    path: 'header',
    type,
    body:
      type === 'L'
        ? Buffer.alloc(MIB - 1, 'n')
        : paxRecord(`comment.${number}`, 'c'.repeat(MIB - 100)),
  })
  const file: TarInput = { path: 'a.txt', body: Buffer.from('meow') }

  for (const [type, name] of [
    ['g', 'for all members'],
    ['x', 'of a member'],
    ['L', 'with long names'],
  ]) {
    const headers = Array.from({ length: 5 }, (_, number) => header(type!, number))
    const bytes = tarOf([...headers, file])
    const path = join(folder, `${type}.tar`)
    const packed = join(folder, `${type}.tar.gz`)
    writeFileSync(path, bytes)
    writeFileSync(packed, gzipSync(bytes))
    const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync?.(
      bytes,
    )
    const refusal = { code: 'ERR_TOO_LARGE', message: /extended headers in front of a member/ }

    it(`${name} are bounded in their sum, in every form`, async () => {
      const sources = [path, packed, bytes, gzipSync(bytes), ...(zstd === undefined ? [] : [zstd])]
      for (const source of sources) {
        await assert.rejects(drain(iterateTar(source)), refusal)
        await assert.rejects(drain(streamTar(source)), refusal)
        assert.throws(() => [...iterateTarSync(source)], refusal)
      }
      await assert.rejects(TarIndex.open(path, { indexFile: false }), refusal)
      assert.throws(() => TarIndexSync.open(bytes), refusal)
    })
  }

  it('are forgotten with their member, and keywords that are not read at once', async () => {
    const members = Array.from({ length: 60 }, (_, number) => [
      header('g', number),
      { ...file, path: `${number}.txt` },
    ])
    const before = process.memoryUsage().heapUsed
    assert.equal(await drain(iterateTar(tarOf(members.flat()))), 60)
    assert.ok(process.memoryUsage().heapUsed - before < 40 * MIB)
  })

  it('of honest archives are read: long names and many records', async () => {
    const path = `${'folder/'.repeat(600)}a.txt`
    const records = [
      paxRecord('path', path),
      ...Array.from({ length: 1000 }, (_, i) => paxRecord(`a.${i}`, 'b')),
    ]
    const bytes = tarOf([{ path: 'h', type: 'x', body: Buffer.concat(records) }, file])
    for await (const member of iterateTar(bytes)) assert.equal(member.path, path)
  })
})

describe('a compressed tar', () => {
  const bytes = gzipSync(tarOf([{ path: 'zeros', body: Buffer.alloc(8 * MIB) }]))

  it('decompresses to no more than `maxDecompressedBytes`, in every form', async () => {
    const options = { maxDecompressedBytes: MIB }
    const refusal = { code: 'ERR_TOO_LARGE', message: /`maxDecompressedBytes` \(1048576\)/ }
    await assert.rejects(drain(iterateTar(bytes, options)), refusal)
    await assert.rejects(drain(iterateTar(bytes, { ...options, filter: () => false })), refusal)
    await assert.rejects(drain(streamTar(bytes, options)), refusal)
    assert.throws(() => [...iterateTarSync(bytes, options)], refusal)
    assert.equal(
      await drain(iterateTar(bytes, { maxDecompressedBytes: Number.POSITIVE_INFINITY })),
      1,
    )
    assert.throws(() => iterateTar(bytes, { maxDecompressedBytes: 0 }), { code: 'ERR_BAD_OPTION' })
  })
})

describe('samples', () => {
  const member = (path: string) => ({ path, data: new Uint8Array(100) })

  it('are no larger than `maxSampleBytes`', async () => {
    const members = Array.from({ length: 20 }, (_, i) => member(`1.${i}`))
    const refusal = {
      code: 'ERR_TOO_LARGE',
      message: /sample "1" has more than `maxSampleBytes` \(1000\)/,
    }
    await assert.rejects(drain(groupByKey(members, { maxSampleBytes: 1000 })), refusal)
    assert.equal(await drain(groupByKey(members)), 1)
    const path = join(folder, 'samples.tar')
    writeFileSync(path, tarOf(members.map(({ path, data }) => ({ path, body: data }))))
    const samples = await fromWebDataset(path, { index: false, maxSampleBytes: 1000 })
    await assert.rejects(drain(samples), refusal)
    assert.throws(() => groupByKey(members, { maxSampleBytes: 0 }), { code: 'ERR_BAD_OPTION' })
  })
})

interface Entry {
  readonly name: string
  /** Where its local header is said to begin. */
  readonly at: number
  readonly compressedSize: number
  readonly size: number
  readonly crc: number
}

function localHeader(name: string, data: Uint8Array, size: number, crc: number): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, Buffer.from(name), data])
}

/** A zip whose directory says whatever it is told to. */
function zipOf(body: Buffer, entries: readonly Entry[]): Buffer {
  const directory = entries.map(({ name, at, compressedSize, size, crc }) => {
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(8, 10)
    entry.writeUInt32LE(crc, 16)
    entry.writeUInt32LE(compressedSize, 20)
    entry.writeUInt32LE(size, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(at, 42)
    return Buffer.concat([entry, Buffer.from(name)])
  })
  const all = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(all.length, 12)
  end.writeUInt32LE(body.length, 16)
  return Buffer.concat([body, all, end])
}

describe('members of a zip', () => {
  const zeros = Buffer.alloc(4 * MIB)
  const data = deflateRawSync(zeros)
  const facts = { compressedSize: data.length, size: zeros.length, crc: crc32(zeros) }
  const local = (name: string): Buffer => localHeader(name, data, zeros.length, facts.crc)

  it('that share their data are refused, in every form, as Info-ZIP does', async () => {
    const same = zipOf(local('a'), [
      { name: 'a', at: 0, ...facts },
      { name: 'a', at: 0, ...facts },
    ])
    // A member whose data has the header of the next in it (Fifield's construction).
    const inner = local('b.npy')
    const outer = { name: 'a.npy', at: 0, compressedSize: inner.length, size: 5, crc: 0 }
    const head = localHeader('a.npy', inner, 5, 0).subarray(0, 35)
    const nested = zipOf(Buffer.concat([head, inner]), [
      outer,
      { name: 'b.npy', at: head.length, ...facts },
    ])
    const refusal = { code: 'ERR_DECODE', message: /members "a.*" and ".*" overlap/ }
    for (const bytes of [same, nested]) {
      await assert.rejects(ZipFile.open(bytes), refusal)
      assert.throws(() => ZipFileSync.open(bytes), refusal)
      await assert.rejects(loadNpz(bytes), refusal)
      assert.throws(() => loadNpzSync(bytes), refusal)
      assert.throws(() => parseNpz(bytes), refusal)
    }
  })

  it('that follow each other are read, in whatever order the directory has them', async () => {
    const [first, second] = [local('a'), local('b')]
    const bytes = zipOf(Buffer.concat([first, second]), [
      { name: 'b', at: first.length, ...facts },
      { name: 'a', at: 0, ...facts },
    ])
    const zip = await ZipFile.open(bytes)
    assert.equal((await zip.read('a')).length + (await zip.read('b')).length, 2 * zeros.length)
  })

  it('of an npz have no more than `maxMemberBytes`, in every form', async () => {
    const bytes = zipOf(local('x.npy'), [{ name: 'x.npy', at: 0, ...facts }])
    const refusal = {
      code: 'ERR_TOO_LARGE',
      message: /member "x.npy": has 4194304 bytes; `maxMemberBytes` is 1048576/,
    }
    const options = { maxMemberBytes: MIB }
    await assert.rejects((await loadNpz(bytes, options)).get('x'), refusal)
    await assert.rejects((await loadNpz(bytes, options)).get('x', { rows: [0, 1] }), refusal)
    assert.throws(() => loadNpzSync(bytes, options).get('x'), refusal)
    assert.throws(() => parseNpz(bytes, options).get('x'), refusal)
    // The default is a GiB, which the directory of a larger file tells before anything is read.
    const gib = { ...facts, size: 1024 ** 3 + 1, compressedSize: 2 * MIB }
    const large = zipOf(Buffer.concat([local('x.npy'), Buffer.alloc(3 * MIB)]), [
      { name: 'x.npy', at: 0, ...gib },
    ])
    await assert.rejects((await loadNpz(large)).get('x'), { code: 'ERR_TOO_LARGE' })
    for (const maxMemberBytes of [0, 1.5, '1'])
      await assert.rejects(loadNpz(bytes, { maxMemberBytes } as never), { code: 'ERR_BAD_OPTION' })
  })
})

describe('a Parquet file', () => {
  const path = (name: string) => new URL(`../parquet/${name}.parquet`, import.meta.url)

  it('decompresses to no more than `maxGroupBytes` a row group', async () => {
    const page = Buffer.alloc(60, 'x')
    const { GZIP, BROTLI, OWN } = codecs({ OWN: (input) => input }, new GroupBudget(100))
    assert.equal(GZIP!(gzipSync(page), 60).length, 60)
    for (const decompress of [BROTLI!, OWN!])
      assert.throws(() => decompress(page, 60), {
        code: 'ERR_TOO_LARGE',
        message: /a row group decompresses to more; `maxGroupBytes` is 100/,
      })
    const { SNAPPY } = codecs({}, new GroupBudget(100))
    for (const size of [2 ** 31 - 1, -5, Number.NaN])
      assert.throws(() => SNAPPY!(page, size), { code: 'ERR_TOO_LARGE' })
    await assert.rejects(fromParquet(path('none'), { maxGroupBytes: 100 }).then(drain), {
      code: 'ERR_TOO_LARGE',
      message: /a row group has 32 rows of 64 bytes or more/,
    })
    await assert.rejects(fromParquet(path('none'), { maxGroupBytes: 0 }), {
      code: 'ERR_BAD_OPTION',
    })
  })

  it('decompresses a page to no more than the page says', async () => {
    const bytes = readFileSync(path('gzip'))
    const at = bytes.indexOf(Buffer.from([0x1f, 0x8b]))
    const bomb = gzipSync(Buffer.alloc(64 * MIB))
    // In place of the first page: it is as long as it was, and makes much more of it.
    const large = Buffer.from(bytes)
    bomb.copy(large, at, 0, 60)
    const before = process.memoryUsage().arrayBuffers
    writeFileSync(join(folder, 'bomb.parquet'), large)
    await assert.rejects(fromParquet(join(folder, 'bomb.parquet')).then(drain), {
      code: 'ERR_DECODE',
    })
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MIB)
  })

  it('is asked for no more values than there is room for, whatever its pages say', async () => {
    // A page of no bytes that says how many values it has: run lengths make any number of a few
    // bytes.
    const page = (values: number): number[] => {
      const varint: number[] = []
      for (let rest = values * 2; ; rest = Math.floor(rest / 128)) {
        varint.push((rest % 128) + (rest >= 128 ? 128 : 0))
        if (rest < 128) break
      }
      return [0x15, 0, 0x15, 0, 0x15, 0, 0x2c, 0x15, ...varint, 0, 0]
    }
    const read = async (pages: number[][], columns?: string[]): Promise<unknown> => {
      const bytes = Uint8Array.from([0, ...pages.flat(), 0])
      const facts = {
        path_in_schema: ['a'],
        data_page_offset: 1n,
        total_compressed_size: BigInt(bytes.length - 2),
      }
      const buffer = {
        byteLength: bytes.length,
        slice: async () => bytes.slice().buffer as ArrayBuffer,
      }
      const group = { columns: [{ meta_data: facts }] } as unknown as Parameters<
        typeof guardedFile
      >[1]
      return guardedFile(buffer, group, columns, new GroupBudget(4000)).slice(0)
    }
    await read([page(400), page(600)])
    const refusal = {
      code: 'ERR_TOO_LARGE',
      message: /has \d+ values of 4 bytes or more; `maxGroupBytes` is 4000/,
    }
    await assert.rejects(read([page(400), page(601)]), refusal)
    await assert.rejects(read([page(2 ** 31 - 1)]), refusal)
    await assert.rejects(read([[0xff, 0xff, 0xff]]), {
      code: 'ERR_DECODE',
      message: /damaged: a page header/,
    })
    await read([page(2 ** 31 - 1)], ['b'])
  })

  it('has a footer of 64 MiB at most', async () => {
    const file = join(folder, 'footer.parquet')
    const end = Buffer.alloc(8)
    end.writeUInt32LE(65 * MIB, 0)
    end.write('PAR1', 4)
    writeFileSync(file, Buffer.concat([Buffer.alloc(100), end]))
    await assert.rejects(fromParquet(file), {
      code: 'ERR_TOO_LARGE',
      message: /its footer has 68157440 bytes/,
    })
  })
})
