import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { PipelineBuilder } from '../../src/index.ts'
import {
  type CsvRow,
  type FromCsvOptions,
  fromCsv,
  openStore,
  split,
} from '../../src/source/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'csv-'))
after(() => rmSync(folder, { recursive: true }))

let written = 0
function write(bytes: string | Uint8Array, ending = '.csv'): string {
  const path = join(folder, `${written++}${ending}`)
  writeFileSync(path, bytes)
  return path
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const rowsOf = async (text: string | Uint8Array, options: FromCsvOptions = {}): Promise<CsvRow[]> =>
  all(await fromCsv(write(text), options as FromCsvOptions & { as?: 'rows' }))

describe('fromCsv', () => {
  it('reads quotes, CRLF, byte order marks, empty lines and no last line break', async () => {
    const text = '\ufeffid,text\r\n1,"a, ""b""\r\nc"\r\n\r\n2,d "e"\r\n3,""'
    const expected = [
      { id: '1', text: 'a, "b"\r\nc' },
      { id: '2', text: 'd "e"' },
      { id: '3', text: '' },
    ]
    assert.deepEqual(await rowsOf(text), expected)
    assert.deepEqual(await rowsOf('id,text\n1,é\n'), [{ id: '1', text: 'é' }])
    assert.deepEqual(await rowsOf('id,text\n'), [])
    assert.deepEqual(await rowsOf('a\n""\n\nb\n'), [{ a: '' }, { a: 'b' }])
  })

  it('reads compressed files, and tabs by the name of the file', async () => {
    const text = 'id\ttext\n1\t"a\tb"\n'
    const path = write(zlib.gzipSync(text), '.tsv.gz')
    assert.deepEqual(await all(await fromCsv(path)), [{ id: '1', text: 'a\tb' }])
    const zstd = (zlib as { zstdCompressSync?: (text: string) => Buffer }).zstdCompressSync
    if (zstd !== undefined) assert.deepEqual(await rowsOf(zstd('a,b\n1,2\n')), [{ a: '1', b: '2' }])
  })

  it('takes names, columns, types, nulls, quotes and delimiters', async () => {
    const names = ['a', 'b']
    assert.deepEqual(await rowsOf('1,2\n', { names }), [{ a: '1', b: '2' }])
    assert.deepEqual(await rowsOf('x,y\n1,2\n', { names, header: true }), [{ a: '1', b: '2' }])
    assert.deepEqual(await rowsOf('1,2\n', { header: false }), [{ 0: '1', 1: '2' }])
    assert.deepEqual(await rowsOf('1;"2\n', { names, delimiter: ';', quote: '' }), [
      { a: '1', b: '"2' },
    ])
    assert.deepEqual(
      await rowsOf("a|b\n'x|y'|NA\n", { delimiter: '|', quote: "'", nulls: ['NA'] }),
      [{ a: 'x|y', b: null }],
    )
    const types = {
      i: 'int8',
      u: 'uint64',
      f: 'float32',
      ok: 'bool',
      at: 'timestamp',
      none: 'int32',
    } as const
    const text = 'i,u,f,ok,at,none,text\n-128,18446744073709551615,-1e3,yes,2020-01-02 03:04:05,,\n'
    const [row] = await rowsOf(text, { types })
    assert.deepEqual(row, {
      i: -128,
      u: 2n ** 64n - 1n,
      f: -1000,
      ok: true,
      at: new Date(Date.UTC(2020, 0, 2, 3, 4, 5)),
      none: null,
      text: '',
    })
    assert.deepEqual(await rowsOf('a,b,c\n1,2,3\n', { columns: ['c', 'a'] }), [{ c: '3', a: '1' }])
    assert.deepEqual(await rowsOf('__proto__,a\n1,2\n'), [JSON.parse('{"__proto__":"1","a":"2"}')])
  })

  it('infers types on request', async () => {
    const text =
      'n,code,ok,big,text,none\n1,007,true,9007199254740993,a,\n-2.5e3,10,FALSE,1,b,\n,1,,2,,\n'
    assert.deepEqual(await rowsOf(text, { types: 'infer' }), [
      { n: 1, code: '007', ok: true, big: '9007199254740993', text: 'a', none: '' },
      { n: -2500, code: '10', ok: false, big: '1', text: 'b', none: '' },
      { n: null, code: '1', ok: null, big: '2', text: '', none: '' },
    ])
  })

  it('gives columns in batches across files, whatever their order of columns', async () => {
    const files = [write('id,name\n1,a\n2,b\n3,c\n'), write('name,id\nd,4\n,\nf,6\n')]
    const options = { types: { id: 'int32' }, as: 'columns', batchRows: 4 } as const
    const source = await fromCsv(files, options)
    assert.equal(source.size, undefined)
    const batches = await all(source)
    assert.deepEqual(batches, [
      {
        id: { dtype: 'int32', data: Int32Array.of(1, 2, 3, 4), shape: [4] },
        name: { dtype: 'string', data: ['a', 'b', 'c', 'd'], shape: [4] },
      },
      {
        id: {
          dtype: 'int32',
          data: Int32Array.of(0, 6),
          shape: [2],
          valid: Uint8Array.of(0, 1),
        },
        name: { dtype: 'string', data: ['', 'f'], shape: [2] },
      },
    ])
    assert.deepEqual(await all(source.iterateFrom(1, 0)), batches.slice(1))
    const counted = await fromCsv(files, { ...options, counts: [3, 3] })
    assert.equal(counted.size, 2)
    assert.deepEqual(await all(counted), batches)
    const halves = [0, 1].map((rank) => all(split(counted, { rank, worldSize: 2 })))
    assert.deepEqual((await Promise.all(halves)).flat(), batches)
    const [floats] = await all(await fromCsv(files, { types: { id: 'float64' }, as: 'columns' }))
    assert.deepEqual(floats!.id!.data, Float64Array.of(1, 2, 3, 4, Number.NaN, 6))
  })

  it('begins at any record, is found in stores, and resumes a pipeline', async () => {
    const text = (from: number) =>
      `id\n${Array.from({ length: 50 }, (_, i) => `"${from + i}"\n`).join('')}`
    for (const part of [0, 1]) writeFileSync(join(folder, `part-${part}.csv`), text(part * 50))
    const source = await fromCsv('part-*.csv', { store: openStore(folder), types: { id: 'int32' } })
    const ids = (rows: readonly CsvRow[]) => rows.map(({ id }) => id)
    const expected = Array.from({ length: 100 }, (_, i) => i)
    for (const position of [0, 1, 49, 50, 99, 100])
      assert.deepEqual(ids(await all(source.iterateFrom(position, 0))), expected.slice(position))
    const builder = new PipelineBuilder().addSource(source).pipe((row) => row)
    const pipeline = builder.build({ resumable: true })
    const seen: CsvRow[] = []
    for await (const row of pipeline) if (seen.push(row) === 60) break
    const state = pipeline.state()
    await pipeline.stop()
    const rest = await all(builder.build({ resumable: true, state }))
    assert.deepEqual(ids(rest), expected.slice(100 - rest.length))
    assert.ok(rest.length === 40 || rest.length === 41)
  })

  it('gives what was written, however it is cut into pieces', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' ') })
    const row = fc.tuple(field, field)
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        async (rows, size) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
          const text = `a,b\n${rows.map((each) => `${each.map(quoted).join(',')}\r\n`).join('')}`
          const path = write(text)
          const store = openStore(folder)
          const cut = Object.create(store, {
            stream: {
              value: async function* (name: string) {
                const bytes = await store.read(name)
                for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
              },
            },
            place: { value: (name: string) => store.place(name) },
            head: { value: (name: string) => store.head(name) },
            read: { value: (...args: Parameters<typeof store.read>) => store.read(...args) },
            createIfAbsent: { value: () => false },
          })
          const name = path.slice(folder.length + 1)
          const found = await all(await fromCsv(name, { store: cut }))
          assert.deepEqual(
            found,
            rows.map(([a, b]) => ({ a, b })),
          )
        },
      ),
      { numRuns: 40 },
    )
  })

  it('names file and record of what is wrong, after the good ones', async () => {
    const cases: [string | Uint8Array, FromCsvOptions, string, RegExp][] = [
      ['a,b\n1,2\n3\n', {}, 'ERR_BAD_RECORD', /\.csv: record 1 has 1 fields, and 2 columns/],
      [
        'a\n"1"2\n',
        {},
        'ERR_BAD_RECORD',
        /record 0: there are characters after the end of a quoted/,
      ],
      ['a\n1\n"2\n', {}, 'ERR_BAD_RECORD', /record 1: a quoted field does not end/],
      [
        'a\n1\nx\n',
        { types: { a: 'int32' } },
        'ERR_BAD_RECORD',
        /record 1: column "a" is no int32; set/,
      ],
      ['a\n1\n300\n', { types: { a: 'uint8' } }, 'ERR_BAD_RECORD', /column "a" is no uint8/],
      ['a,a\n1,2\n', {}, 'ERR_BAD_RECORD', /two columns have the name "a": give `names`/],
      ['', {}, 'ERR_BAD_SOURCE', /has no header: give `names`/],
      [Buffer.from('\ufeffa\n', 'utf16le'), {}, 'ERR_BAD_SOURCE', /is UTF-16/],
      [
        'a\n12345678901\n',
        { maxRecordBytes: 10 },
        'ERR_TOO_LARGE',
        /more than `maxRecordBytes` \(10\)/,
      ],
      [`a\n"${'x\n'.repeat(20)}"\n`, { maxRecordBytes: 10 }, 'ERR_TOO_LARGE', /`maxRecordBytes`/],
      [
        'a\n123456\n',
        { maxFieldLength: 5 },
        'ERR_TOO_LARGE',
        /record 0: column "a" has 6 characters/,
      ],
      ['a\n1\n', { counts: [2] }, 'ERR_BAD_SOURCE', /has 1 records, and `counts` says 2/],
    ]
    for (const [text, options, code, message] of cases)
      await assert.rejects(rowsOf(text, options), { code, message })
    const seen: CsvRow[] = []
    const source = await fromCsv(write('a\n1\n"2\n'))
    await assert.rejects(async () => {
      for await (const row of source) seen.push(row)
    })
    assert.deepEqual(seen, [{ a: '1' }])
    await assert.rejects(fromCsv([write('a\n1\n'), write('b\n1\n')]).then(all), {
      code: 'ERR_BAD_SOURCE',
      message: /has no column "a"/,
    })
  })

  it('refuses options that make no sense', async () => {
    const path = write('a,b\n1,2\n')
    const cases: [object, RegExp][] = [
      [{ delimiter: 'ab' }, /`delimiter` must be one ASCII character/],
      [{ delimiter: '"' }, /`quote` must be another character than `delimiter`/],
      [{ columns: ['c'] }, /`columns` must be made of a, b, got 'c'/],
      [{ types: { c: 'bool' } }, /`types` must be made of a, b/],
      [{ types: { a: 'int' } }, /`types` must be 'infer', or an object of types/],
      [{ batchRows: 2 }, /`batchRows` must be given together with `as: 'columns'`/],
      [{ names: ['a', 'a'] }, /`names` must be without repeated names/],
    ]
    for (const [options, message] of cases)
      await assert.rejects(fromCsv(path, options as never), { code: 'ERR_BAD_OPTION', message })
  })
})
