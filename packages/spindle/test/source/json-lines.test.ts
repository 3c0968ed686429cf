import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import zlib, { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import {
  type AsyncSource,
  findObjects,
  fromJsonLines,
  fromTextLines,
  openStore,
  split,
} from 'spindle/source'
import { S3Server } from '../support/s3-server.ts'
import { range } from '../support/sources.ts'

const server = new S3Server()
let endpoint = ''
before(async () => {
  endpoint = await server.listen()
})
after(() => server[Symbol.asyncDispose]())

const folder = (files: Record<string, string | Uint8Array> = {}): string => {
  const home = mkdtempSync(join(tmpdir(), 'lines-'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(home, name, '..'), { recursive: true })
    writeFileSync(join(home, name), content)
  }
  return home
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const zstd = (zlib as unknown as { zstdCompressSync?: (text: string) => Buffer }).zstdCompressSync

describe('fromJsonLines', () => {
  it('reads files of all kinds in order, and leaves out what is no record', async () => {
    const home = folder({
      'b/2.jsonl': '\ufeff{"n":1}\r\n\r\n   \n{"n":2}',
      'b/3.jsonl.gz': Buffer.concat([gzipSync('{"n":3}\n{"n"'), gzipSync(':4}\n')]),
      'b/4.jsonl': '',
      'b/5.jsonl': '\n\n',
      'c.jsonl': `{"n":5,"text":"${'ö'.repeat(300_000)}"}\n{"n":6}\n`,
      'd.txt': 'not asked for',
    })
    const rows = await fromJsonLines<{ n: number }>(join(home, '**', '*.jsonl*'))
    assert.deepEqual(
      (await all(rows)).map(({ n }) => n),
      [1, 2, 3, 4, 5, 6],
    )
    assert.equal(rows.size, undefined)
    const again = await fromJsonLines<{ n: number }>(join(home, '{c,b/2}.jsonl'))
    assert.deepEqual(
      (await all(again)).map(({ n }) => n),
      [5, 6, 1, 2],
    )
  })

  it('reads zstd where Node can, and says so where it cannot', async () => {
    const frame = Buffer.from('KLUv/SQIQQAAW10KezF9CjJ+aOc=', 'base64')
    const home = folder({ 'a.jsonl.zst': zstd?.('{"n":1}\n') ?? frame })
    const rows = await fromJsonLines(join(home, 'a.jsonl.zst'))
    if (zstd !== undefined) assert.deepEqual(await all(rows), [{ n: 1 }])
    else await assert.rejects(all(rows), { code: 'ERR_UNSUPPORTED', message: /22\.15/ })
  })

  it('gives the records at any positions, whatever the files and ranks', async () => {
    const names = range(4).map((n) => `${n}.jsonl`)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(1000), { maxLength: 20 }), { minLength: 4, maxLength: 4 }),
        fc.nat(60),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (contents, start, worldSize, isCounted) => {
          const home = folder(
            Object.fromEntries(
              names.map((name, at) => [
                name,
                (contents[at] as number[]).map((n) => `${n}\n`).join(''),
              ]),
            ),
          )
          const counts = contents.map(({ length }) => length)
          const files = names.map((name) => join(home, name))
          const source = await fromJsonLines<number>(files, isCounted ? { counts } : {})
          const flat = contents.flat()
          assert.equal(source.size, isCounted ? flat.length : undefined)
          for (let rank = 0; rank < worldSize; rank++) {
            const part = split(source, { rank, worldSize }) as AsyncSource<number>
            const from = Math.min(start, flat.length)
            const wanted = flat.filter((_, at) => at >= from && at % worldSize === rank)
            assert.deepEqual(await all(part.iterateFrom(from, 0)), wanted)
          }
          assert.deepEqual(await all(source), flat)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('is resumed exactly, with a description that belongs to the contents', async () => {
    const lines = (count: number) =>
      range(count)
        .map((n) => `${n}\n`)
        .join('')
    const home = folder({ 'a.jsonl': lines(50), 'b.jsonl': lines(50) })
    const build = async (place: string) =>
      new PipelineBuilder().addSource(await fromJsonLines<number>(join(place, '*.jsonl')))
    const first = (await build(home)).build({ resumable: true })
    const seen: number[] = []
    for await (const n of first) {
      seen.push(n)
      if (seen.length === 70) break
    }
    const state = JSON.parse(JSON.stringify(first.state()))
    await first.stop()
    const copy = folder({ 'a.jsonl': lines(50), 'b.jsonl': lines(50) })
    const second = (await build(copy)).build({ resumable: true, state })
    seen.pop() // the last one was not committed
    for await (const n of second) seen.push(n)
    assert.deepEqual(seen, [...range(50), ...range(50)])
    const other = folder({ 'a.jsonl': lines(50), 'b.jsonl': lines(49) })
    const build3 = await build(other)
    assert.throws(() => build3.build({ resumable: true, state }), { code: 'ERR_OTHER_STATE' })
  })

  it('reads what a sink has written into a bucket, over broken connections', async () => {
    const options = { endpoint, minDelayMs: 1, maxDelayMs: 2 }
    const sink = jsonlShards<number>('s3://bucket/rows', {
      store: options,
      maxRecords: 400,
      compress: 'gzip',
    })
    await new PipelineBuilder().addSource(range(1000)).build().writeTo(sink)
    let requests = 0
    server.fault = ({ method }) =>
      method === 'GET' && requests++ % 3 === 1 ? { cutAfter: 100 } : undefined
    const source = await fromJsonLines<number>('s3://bucket/rows/*.jsonl.gz', { store: options })
    assert.deepEqual(await all(source), range(1000))
    server.fault = () => undefined
    const store = openStore('s3://bucket/rows', options)
    const manifest = JSON.parse(String(await store.read('manifest.json')))
    const counted = await fromJsonLines<number>('shard-*.jsonl.gz', {
      store,
      counts: manifest.shards.map(({ count }: { count: number }) => count),
    })
    assert.equal(counted.size, 1000)
    server.requests.length = 0
    assert.deepEqual(await all(counted.iterateFrom(900, 0)), range(1000).slice(900))
    assert.deepEqual(
      [...new Set(server.requests.map(({ url }) => url))],
      ['/bucket/rows/shard-000002.jsonl.gz'],
    )
  })

  it('gives what each line is, and refuses each line that is none, as JSON.parse does', async () => {
    const parts = ['{"a":[{}', '{}]}', '{"x":1},{"y":2}', '[1', '2]', '3,4', '5', '"s"', 'null']
    const line = fc.constantFrom(...parts, '{"ok":1}', '{"ok":2}\r', '[[]]', ' ', '', '{"b":', '1}')
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const rows = await fromJsonLines(join(folder({ 'x.jsonl': lines.join('\n') }), 'x.jsonl'))
        const expected: unknown[] = []
        let isWrong = false
        for (const text of lines.filter((one) => one.trim() !== '')) {
          try {
            expected.push(JSON.parse(text))
          } catch {
            isWrong = true
            break
          }
        }
        const found: unknown[] = []
        const reading = (async () => {
          for await (const row of rows.iterateFrom(0, 0)) found.push(row)
        })()
        if (isWrong)
          await assert.rejects(reading, {
            code: 'ERR_BAD_RECORD',
            message: new RegExp(`record ${expected.length} `),
          })
        else await reading
        assert.deepEqual(found, expected)
      }),
      { numRuns: 60 },
    )
  })

  it('names file and record of what it cannot read', async () => {
    const home = folder({
      'bad.jsonl': '1\n2\n{\n',
      'cut.jsonl.gz': gzipSync(range(1000).join('\n')).subarray(0, 500),
      'other.jsonl.bz2': Buffer.from('425a6839314159265359', 'hex'),
      'long.jsonl': `"${'x'.repeat(2000)}"`,
    })
    const read = async (name: string, options = {}) =>
      all(await fromJsonLines(join(home, name), options))
    await assert.rejects(read('bad.jsonl'), {
      code: 'ERR_BAD_RECORD',
      message: /bad\.jsonl: record 2 /,
    })
    await assert.rejects(read('cut.jsonl.gz'), { code: 'ERR_BAD_SOURCE', message: /cut/ })
    await assert.rejects(read('other.jsonl.bz2'), { code: 'ERR_BAD_SOURCE', message: /bzip2/ })
    await assert.rejects(read('long.jsonl', { maxRecordBytes: 1000 }), { code: 'ERR_TOO_LARGE' })
    await assert.rejects(
      read('bad.jsonl', { counts: [1] }).then(() => read('bad.jsonl')),
      {
        code: 'ERR_BAD_RECORD',
      },
    )
    await assert.rejects(read('missing.jsonl'), { code: 'ERR_NOT_FOUND' })
    await assert.rejects(read('*.csv'), { code: 'ERR_NOT_FOUND' })
    for (const options of [
      { counts: [1, 2] },
      { counts: [-1] },
      { maxRecordBytes: 0 },
      { signal: 1 },
      { x: 1 },
    ])
      await assert.rejects(read('bad.jsonl', options), { code: 'ERR_BAD_OPTION' })
    for (const files of [[], '', 7, [''], '{a'])
      await assert.rejects(fromJsonLines(files as never), { code: 'ERR_BAD_OPTION' })
    const aborted = await fromJsonLines(join(home, 'bad.jsonl'), {
      signal: AbortSignal.abort(new Error('no')),
    }).catch(String)
    assert.match(String(aborted), /no/)
  })
})

describe('fromTextLines', () => {
  it('gives lines without their line breaks', async () => {
    const home = folder({ 'a.txt': 'one\r\n\r\n two \nthree' })
    assert.deepEqual(await all(await fromTextLines(join(home, 'a.txt'))), ['one', ' two ', 'three'])
  })
})

describe('findObjects', () => {
  it('finds names, braces and patterns in folders, buckets and web servers', async () => {
    server.objects.clear()
    for (const name of ['a/1.tar', 'a/2.tar', 'a/b/3.tar', 'a/4.txt']) server.put(name, name)
    const store = { endpoint }
    const names = async (pattern: string | URL | string[]) =>
      (await findObjects(pattern, { store })).map(({ name }) => name)
    assert.deepEqual(await names('s3://bucket/a/*.tar'), ['1.tar', '2.tar'])
    assert.deepEqual(await names('s3://bucket/**/*.tar'), ['a/1.tar', 'a/2.tar', 'a/b/3.tar'])
    assert.deepEqual(await names('s3://bucket/a/{2,1}.tar'), ['2.tar', '1.tar'])
    const [web] = await findObjects(`${endpoint}/bucket/a/1.tar?token=x`)
    assert.equal(String(await web?.store.read('1.tar')), 'a/1.tar')
    assert.match(server.requests.at(-1)?.url ?? '', /1\.tar\?token=x/)
    const open = openStore('s3://bucket/a', { endpoint })
    const relative = await findObjects(['b/*.tar', 's3://bucket/a/1.tar'], { store: open })
    assert.deepEqual(
      relative.map(({ name }) => name),
      ['b/3.tar', '1.tar'],
    )
  })
})
