import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { type ColumnBatch, openStore, shuffled } from 'spindle/source'
import { fromArrow, streamArrow } from '../../src/index.ts'
import { serveRanges } from '../serve-ranges.ts'
import { joined } from './column-values.ts'

const folder = fileURLToPath(new URL('../arrow/', import.meta.url))
const truth = new URL('../parquet/columns.json', import.meta.url)
const all: Record<string, unknown[]> = JSON.parse(readFileSync(truth, 'utf8'))
const expected: Record<string, unknown[]> = Object.fromEntries(
  Object.entries({ ...all, category: all.text!, large_text: all.word! }).map(([name, values]) => [
    name,
    values.slice(0, 50),
  ]),
)
const scratch = mkdtempSync(join(tmpdir(), 'arrow-'))
after(() => rmSync(scratch, { recursive: true }))

async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

function check(batches: readonly ColumnBatch[]): void {
  const found = joined(batches)
  for (const [column, values] of Object.entries(expected))
    assert.deepEqual(found[column], values, column)
  assert.deepEqual(Object.keys(found), Object.keys(expected))
}

describe('fromArrow', () => {
  for (const name of ['types.arrow', 'types.arrows', 'lz4.arrow', 'zstd.arrow'])
    it(`gives the values that pyarrow wrote: ${name}`, async () => {
      const source = await fromArrow(`${folder}${name}`)
      assert.equal(source.size, 3)
      if (name === 'zstd.arrow' && !('zstdDecompressSync' in zlib))
        return assert.rejects(list(source), {
          code: 'ERR_UNSUPPORTED',
          message: /needs Node 22\.15/,
        })
      check(await list(source))
    })

  it('gives views of the bytes that were read, and meanings', async () => {
    const [batch] = await list(await fromArrow(`${folder}types.arrow`))
    const { i64, vec, us, money, category, f32, i8 } = batch!
    assert.equal(i64!.data.constructor, BigInt64Array)
    const { buffer } = i64!.data as BigInt64Array
    assert.equal((vec!.data as Float32Array).buffer, buffer)
    assert.equal((i8!.data as Int8Array).buffer, buffer)
    assert.deepEqual(vec!.shape, [20, 4])
    assert.deepEqual(us!.meaning, { type: 'timestamp', unit: 'us', isUtc: false })
    assert.deepEqual(money!.meaning, { type: 'decimal', precision: 9, scale: 2 })
    assert.equal(category!.dtype, 'string')
    assert.equal(f32!.data[3], Number.NaN)
  })

  it('begins at any batch, takes many files, patterns, stores and web servers', async () => {
    const columns = ['i32', 'words']
    const source = await fromArrow(`${folder}types.{arrow,arrows}`, { columns })
    const batches = await list(source)
    assert.equal(batches.length, 6)
    for (const position of [0, 2, 3, 6])
      assert.deepEqual(await list(source.iterateFrom(position, 0)), batches.slice(position))
    assert.equal((await list(shuffled(source, { seed: 1 }))).length, 6)
    const named = await fromArrow('types.arrow', { columns, store: openStore(folder) })
    assert.deepEqual(await list(named), batches.slice(0, 3))
    for (const name of ['types.arrow', 'types.arrows']) {
      const server = createServer(serveRanges(readFileSync(`${folder}${name}`))).listen(0)
      await once(server, 'listening')
      try {
        const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a`)
        assert.deepEqual(await list(await fromArrow(url, { columns })), batches.slice(0, 3))
      } finally {
        server.close()
        server.closeAllConnections()
      }
    }
  })

  it('gives texts as bytes, and lists with offsets', async () => {
    const options = { columns: ['text', 'list'], texts: 'utf8', lists: 'offsets' } as const
    const [batch] = await list(await fromArrow(`${folder}types.arrow`, options))
    const { data, textOffsets } = batch!.text!
    const texts = Array.from(textOffsets!.subarray(1), (end, i) =>
      Buffer.from(data as Uint8Array).toString('utf8', textOffsets![i], end),
    )
    assert.deepEqual(
      texts,
      expected.text!.slice(0, 20).map((text) => text ?? ''),
    )
    assert.equal(batch!.list!.offsets?.length, 21)
    const fixed = await fromArrow(`${folder}types.arrow`, { columns: ['list'], lists: 'fixed' })
    await assert.rejects(list(fixed), {
      code: 'ERR_DECODE',
      message: /types\.arrow: column "list"/,
    })
  })

  it('reads a stream as it comes, in pieces of any size', async () => {
    const bytes = readFileSync(`${folder}types.arrows`)
    check(
      await list(streamArrow(createReadStream(`${folder}types.arrows`, { highWaterMark: 777 }))),
    )
    check(await list(streamArrow([bytes])))
    for (const length of [3, 100, bytes.length - 100])
      await assert.rejects(list(streamArrow([bytes.subarray(0, length)])), { code: 'ERR_DECODE' })
    await assert.rejects(list(streamArrow([])), { code: 'ERR_DECODE', message: /no Arrow stream/ })
  })

  it('reports damage with a code, wherever it is, and bounds sizes', async () => {
    const path = join(scratch, 'damaged.arrow')
    const codes = new Set<string>()
    for (const name of ['types.arrow', 'types.arrows', 'lz4.arrow']) {
      const bytes = readFileSync(`${folder}${name}`)
      for (let at = 0; at < bytes.length; at += 331) {
        const copy = Buffer.from(bytes)
        copy[at]! ^= 0xff
        copy[(at * 7 + 5) % bytes.length]! ^= 0x41
        writeFileSync(path, copy)
        try {
          await list(await fromArrow(path))
        } catch (error) {
          codes.add((error as { code: string }).code)
          assert.match((error as Error).message, /damaged\.arrow/)
        }
      }
      writeFileSync(path, bytes.subarray(0, bytes.length - 200))
      await assert.rejects(fromArrow(path).then(list), { code: 'ERR_DECODE' })
      await assert.rejects(fromArrow(`${folder}${name}`, { maxBatchBytes: 1000 }), {
        code: 'ERR_TOO_LARGE',
        message: /`maxBatchBytes` is 1000/,
      })
    }
    const known = ['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_TOO_LARGE']
    assert.deepEqual(
      [...codes].filter((code) => !known.includes(code)),
      [],
    )
    await assert.rejects(fromArrow(fileURLToPath(truth)), { code: 'ERR_DECODE' })
    await assert.rejects(fromArrow(`${folder}types.arrow`, { columns: ['none'] }), {
      code: 'ERR_BAD_OPTION',
    })
  })
})
