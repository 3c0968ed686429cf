import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PipelineBuilder } from 'spindle'
import { type Column, type ColumnBatch, openStore, shuffled, split } from 'spindle/source'
import { fromParquet, type ParquetOptions, type ParquetRow } from '../../src/index.ts'
import { serveRanges } from '../serve-ranges.ts'
import { joined } from './column-values.ts'

const folder = fileURLToPath(new URL('../parquet/', import.meta.url))
const file = (name: string) => `${folder}${name}.parquet`
const expected: Record<string, unknown[]> = JSON.parse(
  readFileSync(`${folder}columns.json`, 'utf8'),
)
const ROWS = 70
const scratch = mkdtempSync(join(tmpdir(), 'columns-'))
after(() => rmSync(scratch, { recursive: true }))

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const columnsOf = async (
  files: string | string[],
  options: ParquetOptions = {},
): Promise<ColumnBatch[]> => all(await fromParquet(files, { ...options, as: 'columns' }))

describe("fromParquet, as: 'columns'", () => {
  for (const name of ['columns-plain', 'columns-dictionary', 'columns-delta'])
    it(`gives the values that pyarrow gives: ${name}`, async () => {
      for (const batchRows of [undefined, 33]) {
        const found = joined(await columnsOf(file(name), { ...(batchRows && { batchRows }) }))
        for (const [column, values] of Object.entries(expected))
          assert.deepEqual(found[column], values, column)
        assert.deepEqual(Object.keys(found), Object.keys(expected))
      }
    })

  it('gives typed arrays with shapes, masks and meanings', async () => {
    const [batch] = await columnsOf(file('columns-dictionary'), { batchRows: 40 })
    const { vec, list, f32, money, large, us, day, fixed, i64, i8, words, nested } =
      batch as never as Record<string, Column>
    assert.ok(vec!.data instanceof Float32Array)
    assert.deepEqual([vec!.dtype, vec!.shape, vec!.offsets], ['float32', [40, 4], undefined])
    assert.deepEqual([list!.dtype, list!.shape], ['int32', [60]])
    assert.deepEqual([...list!.offsets!.slice(0, 6)], [0, 0, 1, 3, 6, 6])
    assert.equal(f32!.data[3], Number.NaN)
    assert.deepEqual([f32!.valid?.[2], f32!.valid?.[3]], [1, 0])
    assert.equal(i64!.valid, undefined)
    assert.deepEqual(money!.meaning, { type: 'decimal', precision: 9, scale: 2 })
    assert.ok(money!.data instanceof BigInt64Array)
    assert.equal(large!.dtype, 'bigint')
    assert.deepEqual(us!.meaning, { type: 'timestamp', unit: 'us', isUtc: false })
    assert.deepEqual(day!.meaning, { type: 'date', unit: 'day' })
    assert.deepEqual([fixed!.dtype, fixed!.shape], ['uint8', [40, 3]])
    assert.ok(i8!.data instanceof Int8Array)
    assert.deepEqual([words!.dtype, words!.data[1]], ['string', 'w0'])
    assert.equal(nested!.dtype, 'object')
  })

  it('reads times of 96 bits', async () => {
    const found = joined(await columnsOf(file('columns-int96')))
    assert.deepEqual(found.ns, expected.ns)
  })

  it('gives texts as bytes, and lists as they are asked for', async () => {
    const [batch] = await columnsOf(file('columns-dictionary'), {
      columns: ['text', 'vec'],
      texts: 'utf8',
      lists: 'offsets',
    })
    const { data, textOffsets, dtype } = batch!.text!
    assert.equal(dtype, 'utf8')
    const texts = Array.from(textOffsets!.subarray(1), (end, i) =>
      Buffer.from(data as Uint8Array).toString('utf8', textOffsets![i], end),
    )
    assert.deepEqual(
      texts,
      expected.text!.slice(0, 32).map((text) => text ?? ''),
    )
    assert.equal(batch!.vec!.offsets?.[2], 8)
    await assert.rejects(columnsOf(file('columns-plain'), { columns: ['list'], lists: 'fixed' }), {
      code: 'ERR_DECODE',
      message: /column "list" has lists of several lengths/,
    })
  })

  it('joins files and row groups in batches of one size, and begins at any', async () => {
    const files = [file('columns-plain'), file('columns-delta'), file('columns-dictionary')]
    for (const [batchRows, count] of [
      [100, 3],
      [7, 30],
      [1000, 1],
    ] as const) {
      const source = await fromParquet(files, {
        as: 'columns',
        columns: ['i64', 'text'],
        batchRows,
      })
      assert.equal(source.size, count)
      const batches = await all(source)
      for (const batch of batches.slice(0, -1)) assert.equal(batch.i64!.shape[0], batchRows)
      const found = joined(batches)
      assert.deepEqual(found.i64, [...expected.i64!, ...expected.i64!, ...expected.i64!])
      for (const position of [0, 1, count - 1, count])
        assert.deepEqual(await all(source.iterateFrom(position, 0)), batches.slice(position))
      const order = await all(shuffled(source, { seed: 3 }))
      assert.equal(new Set(order.map((batch) => batch.i64!.data[0])).size <= count, true)
      assert.equal(order.length, count)
    }
  })

  it('is split and resumed in a pipeline', async () => {
    const source = await fromParquet([file('columns-plain'), file('columns-delta')], {
      as: 'columns',
      columns: ['i64'],
      batchRows: 9,
    })
    const seen: bigint[] = []
    const add = (batch: ColumnBatch) => seen.push(...(batch.i64!.data as BigInt64Array))
    for (const rank of [0, 1, 2])
      for await (const batch of split(source, { rank, worldSize: 3 })) add(batch)
    assert.deepEqual(seen.map(String).sort(), [...expected.i64!, ...expected.i64!].sort())

    seen.length = 0
    const builder = new PipelineBuilder()
      .addSource(source)
      .pipe((batch) => batch, { concurrency: 2 })
    const pipeline = builder.build({ resumable: true })
    for await (const batch of pipeline) {
      add(batch)
      if (seen.length >= 60) break
    }
    const state = pipeline.state()
    await pipeline.stop()
    const first = seen.length
    const rest: bigint[] = []
    for await (const batch of builder.build({ resumable: true, state }))
      rest.push(...(batch.i64!.data as BigInt64Array))
    assert.ok(rest.length < 140 && rest.length >= 140 - first)
    assert.deepEqual(rest.map(String), [...expected.i64!, ...expected.i64!].slice(-rest.length))
  })

  it('finds files by patterns and in stores', async () => {
    const options = { as: 'columns', columns: ['u8'] } as const
    const named = await fromParquet('columns-{plain,delta}.parquet', {
      ...options,
      store: openStore(folder),
    })
    const found = await fromParquet(`${folder}columns-{plain,delta}.parquet`, options)
    assert.equal((await all(named)).length, 5)
    assert.deepEqual(await all(found), await all(named))
    await assert.rejects(fromParquet(`${folder}nothing-*.parquet`), { code: 'ERR_NOT_FOUND' })
    await assert.rejects(fromParquet([]), { code: 'ERR_BAD_OPTION' })
  })

  it('fetches the footer and the wanted columns only, those of later row groups ahead', async () => {
    const original = readFileSync(file('columns-plain'))
    const asked = () => new Set(requests.filter((range) => range !== 'bytes=0-0')).size
    const requests: string[] = []
    const server = createServer(serveRanges(original, requests)).listen(0)
    await once(server, 'listening')
    try {
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.parquet`)
      const source = await fromParquet(url, { as: 'columns', columns: ['f64', 'word'] })
      requests.length = 0
      const iterator = source[Symbol.asyncIterator]()
      await iterator.next()
      // Three row groups of two columns.
      while (asked() < 6) await nextTurn()
      await all({ [Symbol.asyncIterator]: () => iterator })
      const bytes = requests.map((range) => {
        const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!
        return Number(end) - Number(start) + 1
      })
      assert.ok(bytes.reduce((sum, size) => sum + size, 0) < original.length / 4, requests.join())
      assert.deepEqual(joined(await all(source)).word, expected.word)
      const none = await fromParquet(url, { as: 'columns', columns: ['f64'], readAheadBytes: 0 })
      requests.length = 0
      for await (const _ of none) break
      assert.equal(asked(), 1)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('refuses columns of other types, and files without them', async () => {
    const files = [file('columns-plain'), file('snappy')]
    await assert.rejects(columnsOf(files, { columns: ['list'] }), {
      code: 'ERR_UNSUPPORTED',
      message: /snappy\.parquet: column "list" is lists of int64, and lists of int32 in/,
    })
    await assert.rejects(columnsOf(files, { columns: ['i64'] }), {
      code: 'ERR_BAD_OPTION',
      message: /columns.*snappy\.parquet/,
    })
    await assert.rejects(fromParquet(file('snappy'), { batchRows: 3 }), { code: 'ERR_BAD_OPTION' })
  })

  it('decodes here what a given function decompresses', async () => {
    let calls = 0
    const GZIP = () => {
      calls++
      throw new Error('asked')
    }
    await assert.rejects(columnsOf(file('columns-delta'), { decompressors: { GZIP } }), {
      code: 'ERR_DECODE',
      message: /columns-delta\.parquet: asked/,
    })
    assert.ok(calls > 0)
  })

  it('bounds the memory of a row group', async () => {
    for (const maxGroupBytes of [64, 2100])
      await assert.rejects(columnsOf(file('columns-plain'), { maxGroupBytes }), {
        code: 'ERR_TOO_LARGE',
        message: /columns-plain\.parquet: a row group .*`maxGroupBytes`/,
      })
  })

  it('reports damage with a code, wherever it is', async () => {
    const path = join(scratch, 'damaged.parquet')
    const codes = new Set<string>()
    for (const name of ['columns-plain', 'columns-dictionary', 'columns-delta']) {
      const bytes = readFileSync(file(name))
      for (let at = 4; at < bytes.length - 8; at += 523) {
        const copy = Buffer.from(bytes)
        copy[at]! ^= 0xff
        copy[(at + 97) % (bytes.length - 8)]! ^= 0x55
        writeFileSync(path, copy)
        try {
          await columnsOf(path)
        } catch (error) {
          codes.add((error as { code: string }).code)
          assert.match((error as Error).message, /damaged\.parquet/)
        }
      }
      writeFileSync(path, bytes.subarray(0, bytes.length - 50))
      await assert.rejects(columnsOf(path), { code: 'ERR_DECODE' })
    }
    const known = ['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_TOO_LARGE']
    assert.deepEqual(
      [...codes].filter((code) => !known.includes(code)),
      [],
    )
  })
})

describe('fromParquet, where', () => {
  const files = [file('columns-dictionary'), file('columns-plain')]
  const cases: [NonNullable<ParquetOptions['where']>, (row: number) => boolean][] = [
    [{ i8: { $gte: 10, $lt: 20 } }, (i) => i - 35 >= 10 && i - 35 < 20],
    [{ word: { $in: ['word 3', 'word 69'] } }, (i) => i === 3 || i === 69],
    [{ text: null }, (i) => i % 5 === 3],
    [{ text: { $ne: null }, u8: { $gt: 150 } }, (i) => i % 5 !== 3 && i * 3 > 150],
    [
      { $or: [{ flag: true }, { i64: { $eq: 2n ** 60n + 7n - 2n ** 40n } }] },
      (i) => i % 3 === 0 || i === 1,
    ],
    [{ $nor: [{ u8: { $lt: 90 } }, { f32: null }] }, (i) => i * 3 >= 90 && i % 5 !== 3],
    [{ us: { $lt: new Date(Date.UTC(2020, 0, 1, 0, 0, 10)) } }, (i) => i * 1_000_001 < 10_000_000],
    [{ day: new Date(Date.UTC(1970, 0, 1)) }, (i) => i === 31],
    [{ money: { $gt: 25.05 } }, (i) => i % 5 !== 3 && i * 101 - 3000 > 2505],
    [{ i8: 1000 }, () => false],
  ]
  const rowsOf = (matches: (row: number) => boolean) =>
    Array.from({ length: ROWS }, (_, i) => i).filter(matches)

  for (const [where, matches] of cases)
    it(`${JSON.stringify(where, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`, async () => {
      const words = rowsOf(matches).map((i) => expected.word![i])
      const options = { where, columns: ['word', 'vec'], batchRows: 20 }
      const batches = await columnsOf(files, options)
      const found = batches.length === 0 ? [] : joined(batches).word
      assert.deepEqual(found, [...words, ...words])
      const { batchRows, ...rest } = options
      const rows = await fromParquet(files, rest)
      assert.equal(rows.size, undefined)
      const seen = (await all(rows)).map(({ word }: ParquetRow) => word)
      assert.deepEqual(seen, [...words, ...words])
      const late = await all((await fromParquet(files, rest)).iterateFrom(words.length, 0))
      assert.deepEqual(
        late.map(({ word }) => word),
        words,
      )
    })

  it('does not read row groups that the statistics rule out, nor other columns without need', async () => {
    const bytes = readFileSync(file('columns-plain'))
    const requests: string[] = []
    const server = createServer(serveRanges(bytes, requests)).listen(0)
    await once(server, 'listening')
    try {
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.parquet`)
      const count = async (where: ParquetOptions['where'], columns = ['vec']) => {
        const source = await fromParquet(url, { as: 'columns', columns, where: where! })
        requests.length = 0
        await all(source)
        return [source.size, new Set(requests.filter((range) => !range.endsWith('=0-0'))).size]
      }
      assert.deepEqual(await count({ i8: { $gt: 28 } }), [1, 2])
      assert.deepEqual(await count({ i8: { $gt: 28 }, word: 'word 650' }), [1, 2])
      assert.deepEqual(await count({ i8: 100 }), [0, 0])
      assert.deepEqual(await count({ i8: { $gte: -35 } }, ['i8']), [3, 3])
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('refuses filters that make no sense', async () => {
    const wrong: [unknown, RegExp][] = [
      [[], /`where` must be an object of conditions/],
      [{ nothing: 1 }, /`where\.nothing` must be a column/],
      [{ i8: 'a' }, /`where\.i8` must be a number, or null/],
      [{ i8: { $regex: 1 } }, /`where\.i8` must be made of \$eq, /],
      [{ vec: 1 }, /`where\.vec` must be a column of numbers/],
      [{ $or: [] }, /`where\.\$or` must be an array of at least one filter/],
    ]
    for (const [where, message] of wrong)
      await assert.rejects(fromParquet(file('columns-plain'), { where: where as never }), {
        code: 'ERR_BAD_OPTION',
        message,
      })
  })
})
