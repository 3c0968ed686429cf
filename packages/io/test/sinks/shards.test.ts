import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  encodeSafetensors,
  fromParquet,
  fromWebDataset,
  iterateTar,
  loadNpy,
  loadSafetensors,
  npyShards,
  parquetShards,
  parseNpy,
  parseSafetensors,
  type Sample,
  safetensorsShards,
  saveSafetensors,
  type TarSample,
  tarShards,
} from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import type { Sink } from 'spindle/sinks'

const folder = () => mkdtempSync(join(tmpdir(), 'shards-'))
const write = async <T, R>(items: readonly T[], sink: Sink<T, R>): Promise<R> =>
  (await new PipelineBuilder()
    .addSource(items)
    .build()
    .writeTo(sink as Sink<never, R>)) as R

async function samplesIn(paths: readonly string[]): Promise<Sample[]> {
  const samples: Sample[] = []
  for await (const sample of await fromWebDataset(paths)) samples.push(sample)
  return samples
}

describe('tarShards', () => {
  it('writes samples that fromWebDataset reads back', async () => {
    const place = folder()
    const long = `deep/${'folder-'.repeat(20)}/ö`
    const samples: TarSample[] = [
      {
        __key__: 'a/1',
        files: { txt: 'text', cls: 7, json: { a: [1] }, 'seg.png': Buffer.from('p') },
      },
      { __key__: 'a/2', files: { bin: new Uint8Array(100_000).fill(3), empty: '' } },
      {
        __key__: long,
        files: { npy: { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] } },
      },
    ]
    const result = await write(samples, tarShards(place, { maxRecords: 2 }))
    assert.deepEqual(
      result.shards.map(({ name, count }) => [name, count]),
      [
        ['shard-000000.tar', 2],
        ['shard-000001.tar', 1],
      ],
    )
    const paths = result.shards.map(({ name }) => join(place, name))
    const [first, second, third] = await samplesIn(paths)
    assert.equal(first?.__key__, 'a/1')
    assert.deepEqual(
      Object.entries(first?.files ?? {}).map(([ending, data]) => `${ending} ${Buffer.from(data)}`),
      ['txt text', 'cls 7', 'json {"a":[1]}', 'seg.png p'],
    )
    assert.deepEqual([second?.files.bin?.length, second?.files.empty?.length], [100_000, 0])
    assert.equal(third?.__key__, long)
    assert.deepEqual(parseNpy(third?.files.npy as Uint8Array).data, Float32Array.of(1, 2))
    const again = folder()
    await write(samples, tarShards(again, { maxRecords: 2 }))
    for (const { name } of result.shards)
      assert.ok(readFileSync(join(place, name)).equals(readFileSync(join(again, name))))
    const listed = spawnSync('tar', ['-tvf', paths[1] as string])
    if (listed.error === undefined) assert.equal(String(listed.stderr), '')
  })

  it('compresses shards', async () => {
    const place = folder()
    const sample = { __key__: 'a', files: { txt: 'x'.repeat(3_000_000) } }
    const { shards } = await write([sample], tarShards(place, { compress: 'gzip' }))
    assert.equal(shards[0]?.name, 'shard-000000.tar.gz')
    const bytes = gunzipSync(readFileSync(join(place, 'shard-000000.tar.gz')))
    const paths: string[] = []
    for await (const { path, size } of iterateTar(bytes)) paths.push(`${path} ${size}`)
    assert.deepEqual(paths, ['a.txt 3000000'])
  })

  it('refuses samples that readers would not find again, and nothing of them is written', async () => {
    const bad = [
      { __key__: 'a.b', files: {} },
      { __key__: '', files: {} },
      { __key__: 'a/', files: {} },
      { __key__: '/a', files: { txt: '' } },
      { __key__: '../a', files: { txt: '' } },
      { __key__: 'a', files: { '': 'x' } },
      { __key__: 'a', files: { 'x/y': 'x' } },
      { __key__: 'a', files: { '.x': 'x' } },
      { __key__: 'a', files: { jpg: 'x', JPG: 'y' } },
      { __key__: 'a', files: { x: Symbol('x') } },
      { __key__: 'a', files: { npy: { data: [1] } } },
      { key: 'a' },
      null,
    ]
    for (const sample of bad)
      await assert.rejects(
        write([sample], tarShards(folder()) as never),
        { code: 'ERR_BAD_OPTION' },
        JSON.stringify(sample),
      )
  })
})

describe('npyShards', () => {
  it('joins the rows of batches, whose memory may be reused', async () => {
    const place = folder()
    const shared = new Float32Array(6)
    const batches = (function* () {
      for (let n = 0; n < 5; n++) {
        shared.fill(n)
        yield { data: shared, dtype: 'float32' as const, shape: [2, 3] }
      }
    })()
    const pipeline = new PipelineBuilder().addSource(batches).addSink(1).build()
    const result = await pipeline.writeTo(npyShards(place, { maxRecords: 6 }))
    assert.deepEqual(
      result?.shards.map(({ count }) => count),
      [6, 4],
    )
    const first = await loadNpy(join(place, 'shard-000000.npy'))
    assert.deepEqual(first.shape, [6, 3])
    const ids = folder()
    await write([BigInt64Array.of(1n, 2n), BigInt64Array.of(3n)], npyShards(ids))
    assert.deepEqual(
      (await loadNpy(join(ids, 'shard-000000.npy'))).data,
      BigInt64Array.of(1n, 2n, 3n),
    )
  })

  it('refuses batches that do not fit', async () => {
    const one = { data: new Float32Array(6), dtype: 'float32', shape: [2, 3] } as const
    const others = [
      { data: new Float32Array(8), dtype: 'float32', shape: [2, 4] },
      { data: new Float64Array(6), dtype: 'float64', shape: [2, 3] },
      { data: new Float32Array(1), dtype: 'float32', shape: [] },
      { data: new Float32Array(5), dtype: 'float32', shape: [2, 3] },
      'text',
    ]
    for (const other of others)
      await assert.rejects(write([one, other as unknown as typeof one], npyShards(folder())), {
        code: 'ERR_BAD_OPTION',
      })
  })
})

describe('safetensors', () => {
  it('gives back what was saved, aligned views of one memory', async () => {
    const tensors = {
      odd: { data: Uint8Array.of(1, 2, 3), dtype: 'uint8', shape: [3] },
      'a "b"': { data: Float32Array.of(1.5, -2), dtype: 'float32', shape: [1, 2] },
      big: { data: BigInt64Array.of(-5n), dtype: 'int64', shape: [1] },
      none: { data: new Float64Array(0), dtype: 'float64', shape: [0, 4] },
      scalar: { data: Uint16Array.of(0x3c00), dtype: 'float16', shape: [] },
      __proto: { data: Uint8Array.of(1), dtype: 'bool', shape: [1] },
    } as const
    const path = join(folder(), 'x.safetensors')
    await saveSafetensors(path, tensors, { metadata: { format: 'pt' } })
    const loaded = await loadSafetensors(path)
    assert.deepEqual({ ...loaded.metadata }, { format: 'pt' })
    assert.deepEqual({ ...loaded.tensors }, tensors)
    const some = await loadSafetensors(path, { names: ['big'] })
    assert.deepEqual(Object.keys(some.tensors), ['big'])
    await assert.rejects(loadSafetensors(path, { names: ['x'] }), { code: 'ERR_NO_MEMBER' })
    const bytes = encodeSafetensors(tensors)
    const views = parseSafetensors(new Uint8Array(bytes)).tensors
    assert.equal(new Set(Object.values(views).map(({ data }) => data.buffer)).size, 1)
  })

  it('makes float32 of bfloat16', () => {
    const header = Buffer.from(
      JSON.stringify({ w: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }).padEnd(56),
    )
    const file = Buffer.concat([Buffer.alloc(8), header, Buffer.from([0x80, 0x3f, 0x20, 0xc0])])
    file.writeBigUInt64LE(BigInt(header.length))
    assert.deepEqual(parseSafetensors(file).tensors.w?.data, Float32Array.of(1, -2.5))
  })

  it('refuses malformed files', () => {
    const make = (header: unknown, data = 4, length?: bigint): Buffer => {
      const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
      const start = Buffer.alloc(8)
      start.writeBigUInt64LE(length ?? BigInt(json.length))
      return Buffer.concat([start, json, Buffer.alloc(data)])
    }
    const entry = (change: object) => ({
      w: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...change },
    })
    const bad: readonly [Buffer, string][] = [
      [Buffer.alloc(3), 'ERR_DECODE'],
      [make('{', 0), 'ERR_DECODE'],
      [make('[]', 0), 'ERR_DECODE'],
      [make({}, 0, 2n ** 63n), 'ERR_TOO_LARGE'],
      [make({}, 0, 1000n), 'ERR_DECODE'],
      [make(entry({ dtype: 'F8_E4M3' })), 'ERR_UNSUPPORTED'],
      [make(entry({ shape: [2] })), 'ERR_DECODE'],
      [make(entry({ shape: [-1] })), 'ERR_DECODE'],
      [make(entry({ shape: [2 ** 40, 2 ** 40] })), 'ERR_DECODE'],
      [make(entry({ data_offsets: [4, 8] }), 8), 'ERR_DECODE'],
      [make(entry({ data_offsets: [0] })), 'ERR_DECODE'],
      [make(entry({})), 'ok'],
      [make(entry({}), 8), 'ERR_DECODE'],
      [make(entry({}), 3), 'ERR_DECODE'],
      [make({ ...entry({}), v: entry({}).w }), 'ERR_DECODE'],
      [make({ __metadata__: { a: 1 } }, 0), 'ERR_DECODE'],
      [make({ w: null }, 0), 'ERR_DECODE'],
    ]
    for (const [at, [file, code]] of bad.entries()) {
      if (code === 'ok') parseSafetensors(file)
      else assert.throws(() => parseSafetensors(file), { code }, String(at))
    }
  })

  it('is written in shards of named rows', async () => {
    const place = folder()
    const batch = (n: number) => ({
      id: BigInt64Array.of(BigInt(n), BigInt(n + 1)),
      flag: Uint8Array.of(1, 0),
      embedding: { data: new Float32Array(6).fill(n), dtype: 'float32' as const, shape: [2, 3] },
    })
    const sink = safetensorsShards(place, { maxRecords: 4, metadata: { model: 'm' } })
    const result = await write([batch(0), batch(2), batch(4)], sink)
    assert.deepEqual(
      result.shards.map(({ count }) => count),
      [4, 2],
    )
    const { tensors, metadata } = await loadSafetensors(join(place, 'shard-000000.safetensors'))
    assert.equal(metadata.model, 'm')
    assert.deepEqual(tensors.id?.data, BigInt64Array.of(0n, 1n, 2n, 3n))
    assert.deepEqual(tensors.embedding?.shape, [4, 3])
    for (const bad of [
      {},
      { id: batch(0).id },
      { ...batch(0), flag: Uint8Array.of(1) },
      { ...batch(0), more: batch(0).id },
    ])
      await assert.rejects(write([batch(0), bad as never], safetensorsShards(folder())), {
        code: 'ERR_BAD_OPTION',
      })
  })
})

describe('parquetShards', () => {
  it('writes rows that fromParquet reads back', async () => {
    const place = folder()
    const rows = Array.from({ length: 25 }, (_, n) => ({
      id: BigInt(n),
      text: n % 5 === 0 ? undefined : `text ${n}`,
      score: n / 2,
      ok: n % 2 === 0,
      bytes: Uint8Array.of(n),
      embedding: Float32Array.of(n, n + 1),
      tags: n === 3 ? [] : ['a', `b${n}`],
    }))
    const result = await write(rows, parquetShards(place, { maxRecords: 20, rowGroupRows: 8 }))
    assert.deepEqual(
      result.shards.map(({ count }) => count),
      [20, 5],
    )
    const found: Record<string, unknown>[] = []
    for (const { name } of result.shards)
      for await (const row of await fromParquet(join(place, name))) found.push(row)
    assert.equal(found.length, 25)
    for (const [n, row] of found.entries()) {
      assert.equal(Number(row.id), n)
      assert.equal(row.text ?? undefined, rows[n]?.text)
      assert.deepEqual([row.score, row.ok], [n / 2, n % 2 === 0])
      assert.deepEqual([...(row.embedding as number[])], [n, n + 1])
      assert.deepEqual(row.tags, rows[n]?.tags)
    }
    const typed = folder()
    const columns = { id: 'INT32', when: 'TIMESTAMP', more: 'JSON' } as const
    const sink = parquetShards<readonly object[]>(typed, {
      columns,
      rows: (batch) => batch as never,
    })
    await write([[{ id: 1, when: new Date(5), more: { a: 1 } }, { id: 2 }]], sink)
    const typedRows: Record<string, unknown>[] = []
    for await (const row of await fromParquet(join(typed, 'shard-000000.parquet')))
      typedRows.push(row)
    assert.deepEqual(
      typedRows.map(({ id }) => id),
      [1, 2],
    )
    assert.equal(Number(typedRows[0]?.when), 5)
    assert.deepEqual(typedRows[0]?.more, { a: 1 })
  })

  it('refuses values that a column does not take', async () => {
    const good = { id: 1, text: 'x' }
    for (const bad of [{ id: 'x' }, { id: 1, more: 2 }, 'row', { text: 5 }])
      await assert.rejects(
        write(
          [good, bad as never],
          parquetShards(folder(), { columns: { id: 'INT32', text: 'STRING' } }),
        ),
        { code: 'ERR_BAD_OPTION' },
      )
    await assert.rejects(
      write([{ id: 1.5 }], parquetShards(folder(), { columns: { id: 'INT32' } })),
      {
        code: 'ERR_BAD_OPTION',
        message: /"id" must have an integer of 32 bits, got 1.5/,
      },
    )
    for (const options of [
      { columns: {} },
      { columns: { a: 'INT' } },
      { rowGroupRows: 0 },
      { codec: 'GZIP' },
      { row: 1 },
    ])
      assert.throws(() => parquetShards('x', options as never), { code: 'ERR_BAD_OPTION' })
  })
})
