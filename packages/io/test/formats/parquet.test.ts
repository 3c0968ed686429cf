import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import * as zlib from 'node:zlib'
import { type AsyncSource, shuffleBuffer, shuffled, split } from 'spindle/source'
import { fromParquet, type ParquetRow } from '../../src/index.ts'
import { serveRanges } from '../serve-ranges.ts'

const file = (name: string) => new URL(`../parquet/${name}.parquet`, import.meta.url)

/** What `make.py` has written. */
const expected = Array.from({ length: 100 }, (_, id) => ({
  id,
  text: `row ${id}`,
  big: 2n ** 53n + BigInt(id),
  maybe: id % 3 === 0 ? null : id / 2,
  list: new Array<number | bigint>(id % 4).fill(BigInt(id)),
}))

async function all(items: AsyncIterable<ParquetRow> | Iterable<ParquetRow>): Promise<ParquetRow[]> {
  const rows: ParquetRow[] = []
  for await (const row of items) rows.push(row)
  return rows
}

describe('fromParquet', () => {
  for (const codec of ['none', 'snappy', 'gzip', 'brotli'])
    it(`reads what another implementation wrote, compressed with ${codec}`, async () => {
      assert.deepEqual(await all(await fromParquet(file(codec))), expected)
    })

  it('reads zstd where Node can, or where it is given a decompressor', async () => {
    if ('zstdDecompressSync' in zlib)
      assert.deepEqual(await all(await fromParquet(file('zstd'))), expected)
    else
      await assert.rejects(fromParquet(file('zstd')), {
        code: 'ERR_UNSUPPORTED',
        message:
          /column "id" is compressed with ZSTD, which Node 20\..*: give `decompressors: compressors`/,
      })
    const asked: number[] = []
    const ZSTD = (_: Uint8Array, outputLength: number) => {
      asked.push(outputLength)
      throw new Error('asked')
    }
    await assert.rejects(all(await fromParquet(file('zstd'), { decompressors: { ZSTD } })), {
      code: 'ERR_DECODE',
      message: /asked/,
    })
    assert.ok(asked[0]! > 0)
  })

  it('refuses encryption and codecs by name, when it is opened, where they are of wanted columns', async () => {
    const cases: [string, RegExp][] = [
      [
        'encrypted-footer',
        /: its footer is encrypted \(Parquet modular encryption\), .*: write it again/,
      ],
      ['encrypted-column', /: column "text" is encrypted .*, or leave it out by `columns`/],
      ['lz4', /: column "id" is compressed with LZ4_RAW, .*`hyparquet-compressors`/],
    ]
    for (const [name, message] of cases)
      await assert.rejects(fromParquet(file(name)), { code: 'ERR_UNSUPPORTED', message })
    const ids = await all(await fromParquet(file('encrypted-column'), { columns: ['id', 'big'] }))
    assert.deepEqual(
      ids,
      expected.slice(0, 4).map(({ id, big }) => ({ id, big })),
    )
  })

  it('has as many rows as its row groups, whatever the footer says of all', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'parquet-')), 'rows.parquet')
    try {
      for (const rows of [0, 7, 63]) {
        const bytes = readFileSync(file('none'))
        const at = bytes.lastIndexOf(Buffer.from([0x16, 0xc8, 0x01, 0x19])) // field 3: 100, then the row groups
        bytes.writeUInt8(0x80 | (rows * 2), at + 1)
        bytes.writeUInt8(0, at + 2)
        writeFileSync(path, bytes)
        const source = await fromParquet(path)
        assert.equal(source.size, 100)
        assert.deepEqual(await all(source), expected)
      }
    } finally {
      rmSync(dirname(path), { recursive: true })
    }
  })

  it('begins at any row, across row groups, and is put in any order', async () => {
    const rows = await fromParquet(file('snappy'), { columns: ['id'] })
    const ids = expected.map(({ id }) => ({ id }))
    assert.equal(rows.size, 100)
    for (const position of [0, 31, 32, 33, 95, 96, 99, 100])
      assert.deepEqual(await all(rows.iterateFrom(position, 0)), ids.slice(position))
    assert.deepEqual(await all(shuffled(rows, { seed: 2 })), [...shuffled(ids, { seed: 2 })])
    const buffered = [...shuffleBuffer(ids, { size: 20, seed: 2 })]
    assert.deepEqual(await all(shuffleBuffer(rows, { size: 20, seed: 2 })), buffered)
    const shard = { rank: 1, worldSize: 3 }
    assert.deepEqual(await all(split(rows, shard)), [...split(ids, shard)])
  })

  it('reads over the network only what it needs', async () => {
    const bytes = readFileSync(file('none'))
    const server = createServer(serveRanges(bytes)).listen(0)
    await once(server, 'listening')
    try {
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/rows.parquet`)
      const rows = await fromParquet(url, { columns: ['text'] })
      assert.deepEqual(await all(rows.iterateFrom(98, 0)), [{ text: 'row 98' }, { text: 'row 99' }])
      assert.deepEqual(
        rows.description,
        (await fromParquet(file('none'), { columns: ['text'] })).description,
      )
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('has another description for other contents and columns', async () => {
    const texts = new Set<string>()
    const describeOf = (source: AsyncSource<ParquetRow>) =>
      texts.add(JSON.stringify(source.description))
    describeOf(await fromParquet(file('none')))
    describeOf(await fromParquet(file('none'), { columns: ['id'] }))
    describeOf(await fromParquet(file('gzip')))
    describeOf(await fromParquet(file('empty')))
    assert.equal(texts.size, 4)
    assert.deepEqual(await all(await fromParquet(file('empty'))), [])
  })

  it('refuses what is no Parquet file, columns that are not there, and options that make no sense', async () => {
    await assert.rejects(fromParquet(new URL('../parquet/make.py', import.meta.url)), {
      code: 'ERR_DECODE',
    })
    await assert.rejects(fromParquet('nowhere.parquet'), { code: 'ERR_READ' })
    const cases: [object, RegExp][] = [
      [{ columns: ['id', 'none'] }, /`?columns`? must be some of id, text, big, maybe, list/],
      [{ columns: [] }, /columns/],
      [{ column: ['id'] }, /column/],
    ]
    for (const [options, message] of cases)
      await assert.rejects(fromParquet(file('none'), options), { code: 'ERR_BAD_OPTION', message })
    const reason = new Error('enough')
    const rows = await fromParquet(file('none'))
    assert.equal(rows.size, 100)
    await assert.rejects(fromParquet(file('none'), { signal: AbortSignal.abort(reason) }), reason)
  })
})
