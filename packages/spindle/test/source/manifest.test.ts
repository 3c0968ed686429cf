import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import {
  type FromManifestOptions,
  fromManifest,
  shuffleBuffer,
  shuffled,
  split,
  take,
} from 'spindle/source'

let folder = ''
let files = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spindle-manifest-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function write(text: string | Uint8Array, ending: string): Promise<string> {
  const path = join(folder, `${files++}.${ending}`)
  await writeFile(path, text)
  return path
}

async function all<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const read: T[] = []
  for await (const item of items) read.push(item)
  return read
}

const read = async (text: string, ending: string, options?: FromManifestOptions) =>
  all(await fromManifest(await write(text, ending), options))

describe('fromManifest', () => {
  it('reads JSON Lines, with line breaks of any kind, empty lines and no break at the end', async () => {
    const rows = [{ path: 'a', n: 1 }, { path: 'ü', list: [1, 2] }, { path: 'c' }]
    const text = rows.map((row) => JSON.stringify(row))
    assert.deepEqual(await read(`${text.join('\n')}\n`, 'jsonl'), rows)
    assert.deepEqual(await read(`\ufeff\n${text.join('\r\n\r\n  \r\n')}`, 'ndjson'), rows)
    assert.deepEqual(await read('', 'jsonl'), [])
  })

  it('reads tables: quotes, line breaks and delimiters in fields, empty fields', async () => {
    const table = 'name,text,empty\r\n"a, ""b""","one\r\ntwo",\r\n c ,it"s,""\r\nd,"e, f",g\r\n'
    assert.deepEqual(await read(table, 'csv'), [
      { name: 'a, "b"', text: 'one\r\ntwo', empty: '' },
      { name: ' c ', text: 'it"s', empty: '' },
      { name: 'd', text: 'e, f', empty: 'g' },
    ])
    assert.deepEqual(await read('name\ttext\n"x\ty"\tz', 'tsv'), [{ name: 'x\ty', text: 'z' }])
    assert.deepEqual(await read('1;2\n3;4', 'csv', { delimiter: ';', columns: ['a', 'b'] }), [
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ])
    assert.deepEqual(await read('a,b\n', 'csv'), [])
  })

  it('gives what was written, whatever it is, from any position on', async () => {
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', 'é', ' ') }),
    )
    const table = fc.array(fc.record({ a: value, b: value }, { noNullPrototype: true }), {
      maxLength: 150,
    })
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
    await fc.assert(
      fc.asyncProperty(table, fc.nat(), fc.boolean(), async (rows, cut, isTable) => {
        const lines = rows.map((row) =>
          isTable ? `${quote(row.a)},${quote(row.b)}` : JSON.stringify(row),
        )
        const text = (isTable ? ['a,b', ...lines] : lines).join('\n')
        const source = await fromManifest(await write(text, isTable ? 'csv' : 'jsonl'))
        assert.equal(source.size, rows.length)
        const position = cut % (rows.length + 1)
        assert.deepEqual(await all(source.iterateFrom(position, 0)), rows.slice(position))
      }),
      { numRuns: 60 },
    )
  })

  it('is put in any order, and split, as arrays are', async () => {
    const rows = Array.from({ length: 1000 }, (_, n) => ({ n, text: 'x'.repeat(n % 700) }))
    const source = await fromManifest<(typeof rows)[0]>(
      await write(rows.map((row) => JSON.stringify(row)).join('\n'), 'jsonl'),
    )
    const shard = { rank: 2, worldSize: 7 }
    assert.deepEqual(await all(shuffled(source, { seed: 5 })), [...shuffled(rows, { seed: 5 })])
    const buffered = [...shuffleBuffer(rows, { size: 100, seed: 5 })]
    assert.deepEqual(await all(shuffleBuffer(source, { size: 100, seed: 5 })), buffered)
    assert.deepEqual(await all(split(source, shard).iterateFrom(500, 0)), [
      ...split(rows, shard).iterateFrom(500, 0),
    ])
  })

  it('reads many records of many megabytes in pieces', async () => {
    const rows = Array.from({ length: 3000 }, (_, n) => ({ n, text: 'y'.repeat(1500) }))
    const path = await write(rows.map((row) => JSON.stringify(row)).join('\n'), 'jsonl')
    const source = await fromManifest<(typeof rows)[0]>(path)
    let n = 0
    for await (const row of source) assert.equal(row.n, n++)
    assert.equal(n, 3000)
    const [last] = await all(source.iterateFrom(2999, 0))
    assert.equal(last?.n, 2999)
  })

  it('has the description of its contents, and not of its place', async () => {
    const [one, same, other] = await Promise.all(
      ['{"a":1}\n', '{"a":1}\n', '{"a":2}\n'].map(async (text) =>
        fromManifest(await write(text, 'jsonl')),
      ),
    )
    assert.deepEqual(one!.description, same!.description)
    assert.notDeepEqual(one!.description, other!.description)
    assert.ok(!JSON.stringify(one!.description).includes(folder))
  })

  it('names the record that is none, with its place', async () => {
    const bad = await fromManifest(await write('{"a":1}\n{"a":\n{"a":3}\n', 'jsonl'))
    await assert.rejects(all(bad), {
      code: 'ERR_BAD_RECORD',
      message: /jsonl: record 1, at byte 8, cannot be read: /,
    })
    assert.deepEqual(await all(bad.iterateFrom(2, 0)), [{ a: 3 }])
    const cases: [string, RegExp][] = [
      ['a,b\n1,2\n3\n', /record 1, at byte 8, cannot be read: 1 fields, but 2 columns/],
      ['a,b\n"1"x,2\n', /record 0.*characters after the end of a quoted field/],
      ['a,b\n"1,2\n', /record 0.*does not end/],
    ]
    for (const [text, message] of cases)
      await assert.rejects(read(text, 'csv'), { code: 'ERR_BAD_RECORD', message })
    await assert.rejects(read('a,a\n1,2\n', 'csv'), {
      code: 'ERR_BAD_RECORD',
      message: /two columns have the name "a"/,
    })
  })

  it('reads compressed files, forwards and from any position', async () => {
    const rows = Array.from({ length: 2000 }, (_, n) => ({ n, text: `ä${n}`.repeat(60) }))
    const text = rows.map((row) => JSON.stringify(row)).join('\n')
    const plain = await fromManifest(await write(text, 'jsonl'))
    const path = join(folder, 'packed.jsonl.gz')
    await writeFile(path, gzipSync(text))
    const source = await fromManifest<(typeof rows)[0]>(path)
    assert.deepEqual([source.size, source.description], [2000, plain.description])
    assert.deepEqual(await all(source), rows)
    assert.deepEqual(await all(source.iterateFrom(1990, 0)), rows.slice(1990))
    const mixed = shuffled(source, { seed: 1 })
    assert.deepEqual((await all(take(mixed, 20))).length, 20)
    await writeFile(path, gzipSync(text).subarray(0, 5000))
    await assert.rejects(fromManifest(path), { code: 'ERR_BAD_SOURCE', message: /is damaged/ })
  })

  it('notices that the file has changed', async () => {
    const path = await write('{"a":1}\n', 'jsonl')
    const source = await fromManifest(path)
    await appendFile(path, '{"a":2}\n')
    await assert.rejects(all(source), { code: 'ERR_BAD_SOURCE', message: /has changed/ })
  })

  it('refuses what it cannot know, or makes no sense', async () => {
    const jsonl = await write('{}', 'jsonl')
    const cases: [string, object, RegExp][] = [
      [await write('{}', 'txt'), {}, /`format` must be 'jsonl', 'csv' or 'tsv'/],
      [jsonl, { delimiter: ',' }, /`delimiter` must be left out for JSON Lines/],
      [jsonl, { format: 'xml' }, /`format`/],
      [jsonl, { format: 'csv', delimiter: ',,' }, /`delimiter` must be one ASCII character/],
      [jsonl, { format: 'csv', columns: 'a' }, /`columns`/],
    ]
    for (const [path, options, message] of cases)
      await assert.rejects(fromManifest(path, options), { code: 'ERR_BAD_OPTION', message })
    await assert.rejects(fromManifest(join(folder, 'none.jsonl')), { code: 'ENOENT' })
  })
})
