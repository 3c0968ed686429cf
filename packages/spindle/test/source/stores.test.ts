import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type ObjectStore, openStore } from 'spindle/source'
import { S3Server } from '../support/s3-server.ts'

const server = new S3Server()
let endpoint = ''
before(async () => {
  endpoint = await server.listen()
})
after(() => server[Symbol.asyncDispose]())
beforeEach(() => {
  server.fault = () => undefined
  server.isPrivate = false
  server.pageSize = 1000
  server.requests.length = 0
})

const quick = { minDelayMs: 1, maxDelayMs: 5 }
const keys = { accessKeyId: 'me', secretAccessKey: 'secret-of-mine' }

/** A new store of each kind that can be written. */
const kinds: Record<string, () => ObjectStore> = {
  'a folder': () => openStore(join(mkdtempSync(join(tmpdir(), 'store-')), 'new', 'folder')),
  'a file: URL': () => openStore(pathToFileURL(mkdtempSync(join(tmpdir(), 'store-')))),
  'an S3 bucket': () => {
    server.objects.clear()
    server.uploads.clear()
    return openStore('s3://bucket/some folder', { endpoint, credentials: keys, ...quick })
  },
}

async function namesOf(store: ObjectStore, prefix?: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names
}

for (const [kind, open] of Object.entries(kinds)) {
  describe(`the store of ${kind}`, () => {
    it('writes, reads, lists and deletes objects', async () => {
      const store = open()
      assert.deepEqual(await namesOf(store), [])
      const made = await store.create('a/b & c é.bin', Buffer.from('0123456789'))
      assert.equal(made.size, 10)
      await store.create('a/z', '')
      await store.create('ab', 'x')
      await store.create('a-b/x', 'x')
      assert.deepEqual(await namesOf(store), ['a-b/x', 'a/b & c é.bin', 'a/z', 'ab'])
      assert.deepEqual(await namesOf(store, 'a/'), ['a/b & c é.bin', 'a/z'])
      assert.deepEqual(await namesOf(store, 'a'), ['a-b/x', 'a/b & c é.bin', 'a/z', 'ab'])
      assert.deepEqual(await namesOf(store, 'nothing/'), [])
      assert.equal(String(await store.read('a/b & c é.bin')), '0123456789')
      assert.equal(String(await store.read('a/b & c é.bin', { range: [2, 5] })), '234')
      assert.equal(String(await store.read('a/b & c é.bin', { range: [8, 50] })), '89')
      assert.equal((await store.read('a/z')).length, 0)
      assert.equal((await store.read('a/b & c é.bin', { range: [10, 12] })).length, 0)
      const pieces: Uint8Array[] = []
      for await (const piece of store.stream('a/b & c é.bin', { range: [1, 9] })) pieces.push(piece)
      assert.equal(String(Buffer.concat(pieces)), '12345678')
      const info = await store.head('a/b & c é.bin')
      assert.equal(info?.size, 10)
      await store.create('ab', 'other')
      assert.equal(String(await store.read('ab')), 'other')
      await store.delete('ab')
      await store.delete('ab')
      assert.equal(await store.head('ab'), undefined)
      await assert.rejects(store.read('ab'), { code: 'ERR_NOT_FOUND', message: /"ab"/ })
    })

    it('lets exactly one of many callers make an object', async () => {
      const store = open()
      const made = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.createIfAbsent('locks/one', `${i}`)),
      )
      assert.equal(made.filter(Boolean).length, 1)
      assert.equal(String(await store.read('locks/one')), String(made.indexOf(true)))
      await assert.rejects(store.create('locks/one', 'x', { ifAbsent: true }), {
        code: 'ERR_EXISTS',
      })
      assert.deepEqual(await namesOf(store), ['locks/one'])
    })

    it('shows an object as a whole, when its writer is closed', async () => {
      const store = open()
      const writer = store.writer('big')
      const piece = Buffer.alloc(3_000_000, 'abc')
      for (let i = 0; i < 7; i++) await writer.write(piece)
      assert.equal(await store.head('big'), undefined)
      assert.equal((await writer.close()).size, 21_000_000)
      const read = await store.read('big')
      assert.ok(read.equals(Buffer.concat(Array(7).fill(piece))))
      const left = store.writer('left')
      await left.write(piece)
      await left.write(piece)
      await left.write(piece)
      await left.abort()
      assert.deepEqual(await namesOf(store), ['big'])
      const crashed = store.writer('crashed')
      for (let i = 0; i < 3; i++) await crashed.write(piece)
      await store.discardUnfinished('')
      assert.equal(server.uploads.size, 0)
      await assert.rejects(crashed.close())
      assert.deepEqual(await namesOf(store), ['big'])
    })

    it('refuses names that leave it', async () => {
      const store = open()
      const calls = [store.read, store.create, store.head, store.delete] as (typeof store.create)[]
      for (const name of [
        '',
        '..',
        '../x',
        'a/../../x',
        '/x',
        'a//b',
        'a/',
        './a',
        'a\0b',
        '\ud800',
      ])
        for (const call of calls)
          await assert.rejects(
            async () => (call as (name: string, more: string) => unknown).call(store, name, 'x'),
            { code: 'ERR_BAD_OPTION' },
            name,
          )
      await assert.rejects(async () => namesOf(store, '../'), { code: 'ERR_BAD_OPTION' })
    })
  })
}

describe('the store of a folder', () => {
  it('tells what the file system refuses, and leaves nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'store-'))
    const store = openStore(folder)
    writeFileSync(join(folder, 'file'), 'x')
    await assert.rejects(store.create('file/below', 'x'), {
      code: 'ERR_WRITE',
      message: /file\/below/,
    })
    await assert.rejects(store.create('n'.repeat(300), 'x'), { code: 'ERR_WRITE' })
    mkdirSync(join(folder, 'folder'))
    await assert.rejects(store.create('folder', 'x'), { code: 'ERR_WRITE' })
    await assert.rejects(store.read('folder'), { code: 'ERR_READ' })
    assert.equal(await store.head('folder'), undefined)
    const socket = createServer().listen(join(folder, 'socket'))
    await once(socket, 'listening')
    await assert.rejects(store.read('socket'), { code: 'ERR_READ' })
    socket.close()
    await once(socket, 'close')
    assert.deepEqual(readdirSync(folder).sort(), ['file', 'folder'])
    if (process.getuid?.() === 0) return t.diagnostic('root may write everywhere')
    chmodSync(folder, 0o500)
    await assert.rejects(store.create('x', 'x'), { code: 'ERR_WRITE' })
  })
})

describe('the store of an S3 bucket', () => {
  const open = (options = {}) =>
    openStore('s3://bucket/data', { endpoint, credentials: keys, ...quick, ...options })

  it('signs its requests, and says when keys are missing', async () => {
    server.objects.clear()
    server.isPrivate = true
    const store = open()
    await store.create('x', 'y')
    assert.equal(String(await store.read('x')), 'y')
    const anonymous = openStore('s3://bucket/data', { endpoint, ...quick })
    await assert.rejects(anonymous.read('x'), { code: 'ERR_HTTP', status: 403 })
    await assert.rejects(namesOf(anonymous), { message: /AccessDenied/ })
    let asked = 0
    const changing = open({
      credentials: () => {
        asked++
        return keys
      },
    })
    await changing.read('x')
    await changing.read('x')
    assert.equal(asked, 2)
  })

  it('reads lists of many pages', async () => {
    server.objects.clear()
    server.pageSize = 7
    const names = Array.from({ length: 50 }, (_, i) => `f/${String(i).padStart(3, '0')} <&>`)
    for (const name of names) server.put(`data/${name}`, name)
    server.put('database', 'another folder')
    assert.deepEqual(await namesOf(open()), names)
    assert.deepEqual(await namesOf(open(), 'f/04'), names.slice(40))
  })

  it('repeats requests that fail, and continues broken reads', async () => {
    server.objects.clear()
    const store = open()
    const content = Buffer.alloc(300_000, 'content ')
    const faults: ReturnType<S3Server['fault']>[] = [
      'drop',
      { status: 503 },
      { status: 429, retryAfter: '0' },
      'lose',
    ]
    server.fault = () => faults.shift()
    await store.create('x', content, { ifAbsent: true })
    assert.ok(server.objects.get('data/x')?.body.equals(content))
    const cuts = [{ cutAfter: 1000 }, 'drop', { cutAfter: 50_000 }] as const
    let reads = 0
    server.fault = () => cuts[reads++]
    assert.ok((await store.read('x')).equals(content))
    assert.ok(reads >= 4)
  })

  it('reads streams ahead, in order, little at first and over broken connections', async () => {
    server.objects.clear()
    const content = Buffer.from(Array.from({ length: 9_000_000 }, (_, i) => (i * 7919) >> 5))
    server.put('data/x', content)
    const store = open()
    for await (const piece of store.stream('x')) {
      assert.ok(piece.length <= 256 * 1024)
      break
    }
    const asked = server.requests.map(({ url, method }) => `${method} ${url}`)
    assert.ok(asked.length <= 3, String(asked))
    let requests = 0
    server.fault = () => (requests++ % 4 === 2 ? { cutAfter: 70_000 } : undefined)
    const pieces: Uint8Array[] = []
    for await (const piece of store.stream('x')) pieces.push(piece)
    assert.ok(Buffer.concat(pieces).equals(content))
  })

  it('refuses to stream a range of two versions of an object', async () => {
    server.objects.clear()
    server.put('data/x', Buffer.alloc(3_000_000, 'old'))
    const read = async () => {
      for await (const _ of open().stream('x', { range: [10, 2_900_000] }))
        server.put('data/x', Buffer.alloc(3_000_000, 'new'))
    }
    await assert.rejects(read(), { code: 'ERR_HTTP', message: /changed|no longer/ })
  })

  it('tells its own lost answer from the object of another writer', async () => {
    for (const size of [10, 12_000_000]) {
      server.objects.clear()
      const store = open()
      const isLast = (url = '') => !/partNumber|uploads/.test(url)
      let lost = 0
      server.fault = ({ method, url }) =>
        /PUT|POST/.test(method ?? '') && isLast(url) && lost++ === 0 ? 'lose' : undefined
      assert.equal(await store.createIfAbsent('x', Buffer.alloc(size, 1)), true, `${size}`)
      lost = 0
      assert.equal(await store.createIfAbsent('x', Buffer.alloc(size, 2)), false, `${size}`)
      assert.equal(server.objects.get('data/x')?.body[0], 1)
    }
  })

  it('gives up in the end, without secrets in the message', async () => {
    server.fault = () => ({ status: 500 })
    const store = open({
      retries: 2,
      sign: (request: Request) => new Request(`${request.url}?sig=very-secret`, request),
    })
    await assert.rejects(store.create('x', 'y'), ({ code, status, message }) => {
      assert.deepEqual([code, status], ['ERR_HTTP', 500])
      assert.match(message, /PUT .*\/data\/x: status 500, Injected, as asked/)
      assert.doesNotMatch(message, /secret/)
      return true
    })
    assert.equal(server.requests.length, 3)
    await assert.rejects(
      store.create('x', 'y', { signal: AbortSignal.abort(new Error('enough')) }),
      /enough/,
    )
  })
})

describe('openStore', () => {
  it('refuses URLs and options that it does not know', () => {
    for (const url of [
      '',
      'ftp://host/x',
      's3://',
      's3://UPPER_case!/x',
      'az://account',
      'hf://owner/name',
      'hf://datasets/owner',
      's3://bucket/a//b',
      7,
    ])
      assert.throws(() => openStore(url as string), { code: 'ERR_BAD_OPTION' }, String(url))
    const bad: object[] = [
      { credentials: { accessKeyId: 'a' } },
      { retries: -1 },
      { timeoutMs: 0 },
      { partBytes: 100 },
      { endpoint: 'ftp://x' },
      { region: 'a b' },
      { token: 'a b' },
      { tokens: 'x' },
      { sign: 'x' },
    ]
    for (const options of bad)
      assert.throws(() => openStore('s3://bucket/x', options), { code: 'ERR_BAD_OPTION' })
    assert.throws(
      () =>
        openStore('s3://bucket', {
          credentials: { accessKeyId: '', secretAccessKey: 'top-secret' },
        }),
      (error: Error) => !error.message.includes('top-secret'),
    )
  })

  it('reads a web server, and says what it cannot do', async () => {
    server.objects.clear()
    server.put('a b/c', 'hello')
    const store = openStore(`${endpoint}/bucket/`)
    assert.equal(String(await store.read('a b/c')), 'hello')
    assert.equal((await store.head('a b/c'))?.size, 5)
    assert.equal(await store.head('a b/d'), undefined)
    for (const call of [
      () => namesOf(store),
      () => store.create('x', 'y'),
      () => store.delete('x'),
    ])
      await assert.rejects(async () => call(), { code: 'ERR_UNSUPPORTED', message: /s3:/ })
  })

  it('reads and lists a repository of the Hugging Face hub', async () => {
    const files: Record<string, string> = {
      'data/a.jsonl': '1',
      'data/b.jsonl': '22',
      'README.md': '#',
    }
    const asked: (string | undefined)[] = []
    const hub = createServer((request, response) => {
      asked.push(request.headers.authorization)
      const url = new URL(request.url ?? '', 'http://x')
      const tree = /^\/api\/datasets\/owner\/name\/tree\/v1(\/.*)?$/.exec(url.pathname)
      if (tree !== null) {
        const folder = tree[1]?.slice(1) ?? ''
        const found = Object.entries(files)
          .filter(([path]) => path.startsWith(folder))
          .sort()
        const at = Number(url.searchParams.get('cursor') ?? 0)
        if (at + 1 < found.length)
          response.setHeader(
            'link',
            `<http://localhost:${(hub.address() as AddressInfo).port}${url.pathname}?recursive=true&cursor=${at + 1}>; rel="next"`,
          )
        response.end(
          JSON.stringify(
            found
              .slice(at, at + 1)
              .map(([path, text]) => ({ type: 'file', path, size: text.length, oid: 'o' })),
          ),
        )
        return
      }
      const text = files[url.pathname.replace('/datasets/owner/name/resolve/v1/', '')]
      if (text === undefined) response.statusCode = 404
      response.end(text)
    }).listen(0)
    await once(hub, 'listening')
    const { port } = hub.address() as AddressInfo
    const store = openStore('hf://datasets/owner/name@v1', {
      endpoint: `http://localhost:${port}`,
      token: 'hf_token',
    })
    assert.deepEqual(await namesOf(store), ['README.md', 'data/a.jsonl', 'data/b.jsonl'])
    assert.deepEqual(await namesOf(store, 'data/b'), ['data/b.jsonl'])
    assert.equal(String(await store.read('data/b.jsonl')), '22')
    assert.ok(asked.every((header) => header === 'Bearer hf_token'))
    await assert.rejects(async () => store.create('x', 'y'), { code: 'ERR_UNSUPPORTED' })
    hub.close()
    hub.closeAllConnections()
  })
})
