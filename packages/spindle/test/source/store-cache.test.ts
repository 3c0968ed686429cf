import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openStore, RemoteFile, readUrl } from 'spindle/source'
import { S3Server } from '../support/s3-server.ts'
import { range } from '../support/sources.ts'

const server = new S3Server()
const home = mkdtempSync(join(tmpdir(), 'cache-'))
let endpoint = ''
let folders = 0
let folder = ''
before(async () => {
  endpoint = await server.listen()
})
after(async () => {
  rmSync(home, { recursive: true, force: true })
  await server[Symbol.asyncDispose]()
})
beforeEach(() => {
  server.fault = () => undefined
  folder = join(home, String(folders++))
})

const open = (maxBytes = 10_000_000, pieceBytes = 10_000) =>
  openStore('s3://bucket', {
    endpoint,
    minDelayMs: 1,
    maxDelayMs: 1,
    cache: { folder, maxBytes, pieceBytes },
  })
const content = (seed: number, size = 95_000): Buffer =>
  Buffer.from(range(size).map((n) => (n * 31 + seed + (n >> 8)) % 251))
/** Files of the cache. */
const files = (): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .map((name) => join(folder, String(name)))
        .filter((path) => statSync(path).isFile())
    : []
async function requestsOf(work: () => Promise<void>): Promise<number> {
  const before = server.requests.length
  await work()
  return server.requests.length - before
}

describe('the cache of a store', () => {
  it('reads each piece once, also in later processes, and asks whether the object is the same', async () => {
    const bytes = content(1)
    server.put('a', bytes)
    const store = open()
    const readAll = async (from = store): Promise<void> => {
      assert.deepEqual(await from.read('a'), bytes)
    }
    assert.equal(await requestsOf(readAll), 10)
    assert.equal(await requestsOf(readAll), 1)
    assert.equal(await requestsOf(() => readAll(open())), 1)
    const pieces: Uint8Array[] = []
    const streamed = await requestsOf(async () => {
      for await (const piece of open().stream('a')) pieces.push(piece)
    })
    assert.deepEqual(Buffer.concat(pieces), bytes)
    assert.equal(streamed, 1)
    assert.deepEqual(
      await open().read('a', { range: [9990, 10_010] }),
      bytes.subarray(9990, 10_010),
    )
    assert.equal(await requestsOf(async () => void (await store.read('a', { range: [1, 2] }))), 0)
  })

  it('serves readers of URLs, and reads what was replaced anew', async () => {
    server.put('b', content(2))
    const place = open().place('b')
    assert.ok('url' in place)
    const { url, ...options } = place
    assert.deepEqual(await readUrl(url, options), content(2))
    const file = await RemoteFile.open(url, options)
    server.put('b', content(3))
    assert.deepEqual(await readUrl(url, options), content(3))
    await assert.rejects(file.read(50_000, 60_000), { code: 'ERR_HTTP', message: /changed/ })
  })

  it('does not trust a damaged piece, and goes on over broken connections', async () => {
    const bytes = content(4)
    server.put('c', bytes)
    let requests = 0
    server.fault = () => (requests++ % 3 === 1 ? { cutAfter: 4000 } : undefined)
    assert.deepEqual(await open().read('c'), bytes)
    server.fault = () => undefined
    for (const path of files()) {
      const stored = readFileSync(path)
      if (stored.length < 5000) continue
      stored[100] = (stored[100] as number) ^ 1
      writeFileSync(path, stored)
    }
    assert.deepEqual(await open().read('c'), bytes)
  })

  it('is bounded, and keeps what was used last', async () => {
    for (const n of range(30)) server.put(`d/${n}`, content(n, 20_000))
    const store = open(200_000)
    for (const n of range(30)) {
      assert.deepEqual(await store.read(`d/${n}`), content(n, 20_000))
      const size = files().reduce((sum, path) => sum + statSync(path).size, 0)
      assert.ok(size <= 200_000, `${size} bytes after ${n}`)
    }
    assert.equal(await requestsOf(async () => void (await store.read('d/29'))), 1)
    assert.equal(await requestsOf(async () => void (await store.read('d/0'))), 2)
  })

  it('is left out where the disk refuses, and refuses options that are wrong', async () => {
    server.put('e', content(5))
    writeFileSync(folder, 'no folder')
    assert.deepEqual(await open().read('e'), content(5))
    server.put('empty', '')
    assert.equal((await open().read('empty')).length, 0)
    for (const cache of [{}, { folder: '' }, { folder, maxBytes: 0 }, { folder, other: 1 }])
      assert.throws(() => openStore('s3://bucket', { cache: cache as never }), {
        code: 'ERR_BAD_OPTION',
      })
  })
})
