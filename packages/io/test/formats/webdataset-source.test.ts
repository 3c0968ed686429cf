import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { mix, shuffleBuffer, shuffled, split } from 'spindle/source'
import {
  fromWebDataset,
  groupByKey,
  iterateTar,
  type Sample,
  type WebDatasetOptions,
} from '../../src/index.ts'
import { serveRanges } from '../serve-ranges.ts'
import { block, END } from './tar-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-webdataset-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let archives = 0

/** A tar archive of files. */
function tar(files: readonly (readonly [path: string, data: Uint8Array])[]): Buffer {
  return Buffer.concat([...files.map(([path, data]) => block({ path, data })), END])
}

function write(bytes: Uint8Array, ending = '.tar'): string {
  const path = join(folder, `${archives++}${ending}`)
  writeFileSync(path, bytes)
  return path
}

/** A shard with some samples, each of a `bin` and a `cls`. */
function shard(name: string, samples: number, size = 10): Buffer {
  return tar(
    Array.from({ length: samples }, (_, i) => i).flatMap((i) => [
      [`${name}/${i}.bin`, Buffer.alloc(size + i, i)] as const,
      [`${name}/${i}.cls`, Buffer.from(`${name} ${i}`)] as const,
    ]),
  )
}

async function all<T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const read: T[] = []
  for await (const item of items) read.push(item)
  return read
}

const keys = async (items: AsyncIterable<Sample>) =>
  (await all(items)).map(({ __key__ }) => __key__)
const plain = (samples: readonly Sample[]) =>
  samples.map(({ __key__, files }) => [
    __key__,
    Object.entries(files).map(([end, data]) => [end, Buffer.from(data).toString('hex')]),
  ])

describe('fromWebDataset', () => {
  it('has the samples that groupByKey finds in each shard', async () => {
    const paths = [write(shard('a', 5)), write(shard('b', 0)), write(shard('c', 3, 3_000_000))]
    const expected: Sample[] = []
    for (const path of paths) expected.push(...(await all(groupByKey(iterateTar(path)))))
    const source = await fromWebDataset(paths)
    assert.equal(source.size, 8)
    assert.deepEqual(plain(await all(source)), plain(expected))
    for (let position = 0; position <= 8; position++)
      assert.deepEqual(
        plain(await all(source.iterateFrom(position, 0))),
        plain(expected.slice(position)),
      )
  })

  it('gives data in memory of its own', async () => {
    const [sample] = await all(await fromWebDataset(write(shard('a', 1))))
    const { bin, cls } = sample!.files
    assert.notEqual(bin!.buffer, cls!.buffer)
    assert.equal(bin!.buffer.byteLength, bin!.byteLength)
  })

  it('takes only the extensions that are wanted, keeps empty files, and leaves out what has no key', async () => {
    const path = write(
      tar([
        ['README', Buffer.from('x')],
        ['1.JPG', Buffer.from('image')],
        ['1.txt', Buffer.alloc(0)],
        ['1.seg.png', Buffer.from('mask')],
        ['2.txt', Buffer.from('two')],
      ]),
    )
    assert.deepEqual(plain(await all(await fromWebDataset(path))), [
      [
        '1',
        [
          ['jpg', Buffer.from('image').toString('hex')],
          ['txt', ''],
          ['seg.png', Buffer.from('mask').toString('hex')],
        ],
      ],
      ['2', [['txt', Buffer.from('two').toString('hex')]]],
    ])
    const some = await all(await fromWebDataset(path, { extensions: ['.JPG', 'txt'] }))
    assert.deepEqual(
      some.map(({ files }) => Object.keys(files)),
      [['jpg', 'txt'], ['txt']],
    )
  })

  it('gives samples of several shards in turn, as `mix` would', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(6), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        async (counts, interleave, cut) => {
          const paths = counts.map((count, i) => write(shard(`s${i}`, count)))
          const source = await fromWebDataset(paths, { interleave, index: false })
          const expected: string[] = []
          for (let i = 0; i < counts.length; i += interleave) {
            const group = counts.slice(i, i + interleave)
            expected.push(
              ...mix(
                group.map((count, j) => Array.from({ length: count }, (_, k) => `s${i + j}/${k}`)),
              ),
            )
          }
          assert.deepEqual(await keys(source), expected)
          const position = cut % (expected.length + 1)
          assert.deepEqual(await keys(source.iterateFrom(position, 3)), expected.slice(position))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('gives shards in another order each epoch, and all samples in each', async () => {
    const paths = Array.from({ length: 6 }, (_, i) => write(shard(`s${i}`, 3)))
    const source = await fromWebDataset(paths, { shuffleShards: true, seed: 4, interleave: 2 })
    const orders = await Promise.all(
      [0, 1, 2, 3].map((epoch) => keys(source.iterateFrom(0, epoch))),
    )
    assert.equal(new Set(orders.map(String)).size, 4)
    assert.equal(new Set(orders.map((order) => String(order.toSorted()))).size, 1)
    assert.deepEqual(await keys(source.iterateFrom(5, 2)), orders[2]!.slice(5))
  })

  it('is shuffled and split as arrays are, with more shards than are open at a time', async () => {
    const paths = Array.from({ length: 40 }, (_, i) => write(shard(`s${i}`, 2)))
    const source = await fromWebDataset(paths)
    const order = await keys(source)
    assert.deepEqual(await keys(shuffled(source, { seed: 1 })), [...shuffled(order, { seed: 1 })])
    assert.deepEqual(await keys(shuffleBuffer(source, { size: 9, seed: 1 })), [
      ...shuffleBuffer(order, { size: 9, seed: 1 }),
    ])
    const part = { rank: 2, worldSize: 3 }
    assert.deepEqual(await keys(split(source, part)), [...split(order, part)])
  })

  it('reads over the network, many samples at a time where they follow each other', async () => {
    const bytes = shard('n', 50, 1000)
    const requests: string[] = []
    const server = createServer(serveRanges(bytes, requests)).listen(0)
    await once(server, 'listening')
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{a,b}.tar`
      const source = await fromWebDataset(url, { stream: false })
      requests.length = 0
      assert.deepEqual((await keys(source)).length, 100)
      assert.ok(requests.length <= 6, `${requests.length} requests`)
      const [one] = await all(source.iterateFrom(99, 0))
      assert.equal(Buffer.from(one!.files.cls!).toString(), 'n 49')
      const local = await fromWebDataset([write(bytes), write(bytes)])
      assert.deepEqual(source.description, local.description)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('reads shards as streams from their first byte, in the same order as by index', async () => {
    const files = [shard('a', 7), shard('b', 3), shard('c', 0), shard('d', 12)]
    const paths = files.map((bytes) => write(bytes))
    const packed = files.map((bytes) => write(gzipSync(bytes), '.tar.gz'))
    for (const options of [
      {},
      { interleave: 2 },
      { interleave: 3, shuffleShards: true, seed: 5 },
    ]) {
      const indexed = await fromWebDataset(paths, { ...options, index: false })
      for (const source of [
        await fromWebDataset(packed, options),
        await fromWebDataset(paths, { ...options, stream: true }),
      ]) {
        assert.equal(source.size, undefined)
        assert.deepEqual(plain(await all(source)), plain(await all(indexed)))
        for (const start of [0, 6, 8, 21, 22])
          assert.deepEqual(
            await keys(source.iterateFrom(start, 1)),
            await keys(indexed.iterateFrom(start, 1)),
          )
        const part = { rank: 1, worldSize: 3 }
        assert.deepEqual(await keys(split(source, part)), await keys(split(indexed, part)))
      }
    }
    const [sample] = await all(await fromWebDataset(paths, { stream: true, extensions: ['cls'] }))
    assert.deepEqual(Object.keys(sample!.files), ['cls'])
  })

  it('has read little of a shard on a network when it gives the first sample', async () => {
    const bytes = shard('n', 200, 100_000)
    let sent = 0
    const server = createServer((request, response) => {
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
      const body =
        range === null
          ? bytes
          : bytes.subarray(Number(range[1]), Number(range[2] || bytes.length) + 1)
      response.setHeader('etag', '"x"')
      if (range !== null) {
        response.statusCode = 206
        response.setHeader(
          'content-range',
          `bytes ${range[1]}-${Number(range[1]) + body.length - 1}/${bytes.length}`,
        )
      }
      response.setHeader('content-length', body.length)
      response.on('close', () => {
        sent += response.socket?.bytesWritten ?? 0
      })
      response.end(body)
    }).listen(0)
    await once(server, 'listening')
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{a,b,c}.tar`
      const source = await fromWebDataset(url)
      for await (const { __key__ } of source) {
        assert.equal(__key__, 'n/0')
        break
      }
      assert.ok(sent < 12_000_000, `${sent} of ${3 * bytes.length} bytes`)
      assert.equal((await keys(source)).length, 600)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('has another description for another order, and other contents', async () => {
    const [one, two] = [write(shard('a', 3)), write(shard('a', 3, 11))]
    const texts = new Set<string>()
    const cases: [string[], WebDatasetOptions][] = [
      [[one], {}],
      [[two], {}],
      [[one, two], {}],
      [[two, one], {}],
      [[one, two], { interleave: 2 }],
      [[one, two], { shuffleShards: true }],
      [[one, two], { shuffleShards: true, seed: 1 }],
      [[one], { extensions: ['bin'] }],
    ]
    for (const [paths, options] of cases)
      texts.add(JSON.stringify((await fromWebDataset(paths, options)).description))
    assert.equal(texts.size, cases.length)
  })

  it('keeps the indices where it is told', async () => {
    const path = write(shard('a', 2))
    await fromWebDataset(path, { index: (name) => `${name}.kept` })
    assert.ok(readFileSync(`${path}.kept`).length > 0)
  })

  it('refuses samples with two files of one extension, and what makes no sense', async () => {
    const double = write(
      tar([
        ['1.jpg', Buffer.from('x')],
        ['1.JPG', Buffer.from('y')],
      ]),
    )
    await assert.rejects(fromWebDataset(double), {
      code: 'ERR_DECODE',
      message: /second one of extension "jpg"/,
    })
    await assert.rejects(fromWebDataset(join(folder, 'none.tar')), { code: 'ERR_READ' })
    const cases: [unknown, object, RegExp][] = [
      [[], {}, /shards/],
      [[''], {}, /shards/],
      ['a{b.tar', {}, /braces/],
      [double, { interleave: 0 }, /interleave/],
      [double, { extensions: [] }, /extensions/],
      [double, { shuffle: true }, /shuffle/],
    ]
    for (const [shards, options, message] of cases)
      await assert.rejects(fromWebDataset(shards as string, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
  })
})
