import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openAsBlob,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { TarIndex } from '../../src/index.ts'
import { TarIndexSync } from '../../src/sync.ts'
import { ARCHIVES, archive, block, END, EXPECTED, pax } from './tar-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'tar-index-'))
after(() => rmSync(folder, { recursive: true }))

/** Members of many sizes, small and large ones mixed, each with bytes of its own. */
function contents(number: number): Buffer {
  const size = number % 10 === 9 ? 700_000 + number : (number * 977) % 20_000
  return Buffer.alloc(size, `member ${number};`)
}
const COUNT = 60
const shard = Buffer.concat([
  ...Array.from({ length: COUNT }, (_, i) => block({ path: `${i}.bin`, data: contents(i) })),
  END,
])
/** The archive with two members in the middle swapped: size and both ends are the same. */
const swapped = Buffer.concat([
  ...Array.from({ length: COUNT }, (_, i) => {
    const other = i === 30 ? 31 : i === 31 ? 30 : i
    return block({ path: `${other}.bin`, data: contents(other) })
  }),
  END,
])
let made = 0
function shardFile(): string {
  const path = join(folder, `shard-${made++}.tar`)
  writeFileSync(path, shard)
  return path
}
/** What this process has read so far, from whatever files. */
const bytesRead = (): number =>
  Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('TarIndex', () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`finds in ${name} where Python says that files lie`, async () => {
      const files = expected.filter(({ type }) => type === 'file')
      for (const source of [ARCHIVES + name, archive(name), await openAsBlob(ARCHIVES + name)]) {
        await using index = await TarIndex.open(source, { indexFile: false })
        const found = index.paths().map((_, i) => index.entry(i))
        const isFile = new Set(files.map(({ path }) => path))
        assert.deepEqual(
          found
            .filter(({ path }) => isFile.has(path))
            .map(({ path, offset, size }) => [path, offset, size]),
          files.map(({ path, offset, size }) => [path, offset, size]),
        )
      }
      const sync = TarIndexSync.open(ARCHIVES + name, { indexFile: false })
      assert.ok(files.every(({ path }) => sync.has(path)))
      sync.close()
    })
  }

  it('a hard link is read as the file that it points to', async () => {
    await using index = await TarIndex.open(`${ARCHIVES}gnu.tar`, { indexFile: false })
    assert.equal(text(await index.read('./two.bin')), '1')
    assert.equal(index.entry('./two.bin').offset, index.entry('./one.bin').offset)
    await using python = await TarIndex.open(`${ARCHIVES}python-gnu.tar`, { indexFile: false })
    assert.deepEqual(
      python.paths(),
      ['before-1970', 'far-future'],
      'a link to what is not there is left out',
    )
  })

  it('reads by path and by number, hundreds at a time', async () => {
    for (const source of [shardFile(), shard, new Blob([shard])]) {
      await using index = await TarIndex.open(source)
      assert.equal(index.length, COUNT)
      const wanted = Array.from({ length: 300 }, (_, i) => (i * 37) % COUNT)
      const [single, many] = await Promise.all([
        Promise.all(
          wanted.map((number) => index.read(number % 2 === 0 ? number : `${number}.bin`)),
        ),
        index.readMany(wanted, { concurrency: 16 }),
      ])
      for (const [i, number] of wanted.entries()) {
        assert.ok(contents(number).equals(single[i]!))
        assert.ok(contents(number).equals(many[i]!))
      }
      assert.deepEqual(await index.readMany([]), [])
    }
  })

  it('data of a file has memory of its own, of memory is a view', async () => {
    await using file = await TarIndex.open(shardFile())
    const data = await file.read(1)
    assert.equal(data.buffer.byteLength, data.length)
    assert.equal(data.constructor, Uint8Array)
    const shared = new SharedArrayBuffer(shard.length)
    new Uint8Array(shared).set(shard)
    for (const memory of [shard, shared]) {
      await using index = await TarIndex.open(memory)
      assert.equal((await index.read(1)).buffer, memory instanceof Buffer ? memory.buffer : memory)
    }
  })

  it('of two members of one path the later counts by path, each by number', async () => {
    const bytes = Buffer.concat([
      block({ path: 'a', data: Buffer.from('old') }),
      block({ path: 'a', data: Buffer.from('new') }),
      END,
    ])
    await using index = await TarIndex.open(bytes)
    assert.deepEqual([await index.read('a'), await index.read(0), await index.read(1)].map(text), [
      'new',
      'old',
      'new',
    ])
  })

  it('says what is not there', async () => {
    await using index = await TarIndex.open(`${ARCHIVES}pets.tar`, { indexFile: false })
    const no = { code: 'ERR_NO_MEMBER', source: `${ARCHIVES}pets.tar` }
    await assert.rejects(index.read('pets/cow.txt'), {
      ...no,
      message: /has no file "pets\/cow.txt" among its 2/,
    })
    await assert.rejects(index.readMany([0, 2]), {
      ...no,
      message: /has no file number 2: it has 2/,
    })
    for (const bad of [-1, 0.5, null, {}] as number[])
      await assert.rejects(index.read(bad), { code: 'ERR_BAD_OPTION' })
    await assert.rejects(index.readMany([0], { concurrency: 0 }), {
      code: 'ERR_BAD_OPTION',
      message: /`concurrency`/,
    })
    await assert.rejects(index.read(0, { sginal: 1 } as object), {
      code: 'ERR_BAD_OPTION',
      message: /signal/,
    })
    for (const bad of [
      { indexFile: 3 },
      { indexFile: '' },
      { ifStale: 'ignore' },
      { filter: 1 },
      { concatenated: 1 },
    ])
      await assert.rejects(TarIndex.open(shard, bad as object), { code: 'ERR_BAD_OPTION' })
    await assert.rejects(TarIndex.open(3 as never), { code: 'ERR_BAD_OPTION' })
  })

  it('refuses what cannot be read at random or at all', async () => {
    await assert.rejects(TarIndex.open(`${ARCHIVES}pets.tar.gz`), {
      code: 'ERR_UNSUPPORTED',
      message: /is compressed with gzip/,
    })
    await assert.rejects(TarIndex.open(archive('pets.tar.zst')), {
      code: 'ERR_UNSUPPORTED',
      message: /is compressed with zstd/,
    })
    assert.throws(() => TarIndexSync.open(archive('pets.tar.xz')), { code: 'ERR_UNSUPPORTED' })
    await assert.rejects(TarIndex.open(join(folder, 'none.tar')), {
      code: 'ERR_READ',
      message: /none\.tar: ENOENT/,
    })
    await assert.rejects(TarIndex.open(shard.subarray(0, shard.length - 700_000)), {
      code: 'ERR_DECODE',
      member: '59.bin',
      message: /is truncated/,
    })
    assert.ok(!existsSync(`${ARCHIVES}pets.tar.gz.index.json`))
  })

  it('waits for reads under way when it is closed, and refuses later ones', async () => {
    const index = await TarIndex.open(shardFile())
    const reads = Array.from({ length: COUNT }, (_, i) => index.read(i))
    await index.close()
    await index.close()
    for (const [i, data] of (await Promise.all(reads)).entries())
      assert.ok(contents(i).equals(data))
    await assert.rejects(index.read(0), { code: 'ERR_BAD_STATE' })
    const sync = TarIndexSync.open(shardFile())
    sync.close()
    sync.close()
    assert.throws(() => sync.read(0), { code: 'ERR_BAD_STATE' })
  })

  it('rejects with the reason of a signal', async () => {
    const reason = { stop: true }
    const isReason = (error: unknown): boolean => error === reason
    await assert.rejects(TarIndex.open(shard, { signal: AbortSignal.abort(reason) }), isReason)
    await using index = await TarIndex.open(shardFile())
    await assert.rejects(index.read(0, { signal: AbortSignal.abort(reason) }), isReason)
    await assert.rejects(index.readMany([0, 1], { signal: AbortSignal.abort(reason) }), isReason)
  })
})

describe('the kept index', () => {
  it('is beside the archive, and used the next time, in both forms', async () => {
    const path = shardFile()
    await using first = await TarIndex.open(path)
    assert.equal(first.origin, 'archive')
    assert.ok(existsSync(`${path}.index.json`))
    await using second = await TarIndex.open(pathToFileURL(path))
    assert.equal(second.origin, 'file')
    assert.deepEqual(second.paths(), first.paths())
    assert.ok(contents(19).equals(await second.read('19.bin')))
    using third = TarIndexSync.open(path)
    assert.equal(third.origin, 'file')
    assert.ok(contents(19).equals(third.read('19.bin')))
    const other = shardFile()
    for (const file of [path, other]) utimesSync(file, 1e9, 1e9) // the time is in the index
    rmSync(`${path}.index.json`)
    await using again = await TarIndex.open(path)
    using fourth = TarIndexSync.open(other)
    assert.deepEqual([again.origin, fourth.origin], ['archive', 'archive'])
    assert.equal(
      readFileSync(`${other}.index.json`, 'utf8'),
      readFileSync(`${path}.index.json`, 'utf8'),
    )
  })

  it('is used for copies of archive and index, whose times are others', async () => {
    const path = shardFile()
    await (await TarIndex.open(path)).close()
    utimesSync(path, 1, 1)
    await using copied = await TarIndex.open(path, { ifStale: 'refuse' })
    assert.equal(copied.origin, 'file')
    utimesSync(path, 2, 2)
    using sync = TarIndexSync.open(path, { ifStale: 'refuse' })
    assert.equal(sync.origin, 'file')
    assert.ok(contents(9).equals(sync.read('9.bin')))
  })

  it('lies where `indexFile` says', async () => {
    const path = shardFile()
    const indexFile = join(folder, 'elsewhere.json')
    for (const origin of ['archive', 'file']) {
      await using index = await TarIndex.open(path, { indexFile })
      assert.equal(index.origin, origin)
    }
    assert.ok(!existsSync(`${path}.index.json`))
    await assert.rejects(TarIndex.open(path, { indexFile: join(folder, 'no', 'such', 'folder') }), {
      code: 'ERR_WRITE',
    })
    await assert.rejects(TarIndex.open(path, { indexFile: folder }), { code: 'ERR_READ' })
  })

  const change: Record<string, (path: string) => void> = {
    'another size': (path) =>
      writeFileSync(path, Buffer.concat([block({ path: 'new', data: contents(3) }), shard])),
    'other members of the same size': (path) => writeFileSync(path, swapped),
    'an index that is cut': (path) =>
      writeFileSync(`${path}.index.json`, readFileSync(`${path}.index.json`).subarray(0, 500)),
    'an index with places outside': (path) =>
      writeFileSync(
        `${path}.index.json`,
        text(readFileSync(`${path}.index.json`)).replace(
          '"offsets":[512,',
          '"offsets":[99999999999,',
        ),
      ),
    'an index with a missing column': (path) =>
      writeFileSync(
        `${path}.index.json`,
        text(readFileSync(`${path}.index.json`)).replace('"sizes"', '"size"'),
      ),
    'an index of another version': (path) =>
      writeFileSync(
        `${path}.index.json`,
        text(readFileSync(`${path}.index.json`)).replace('"version":2', '"version":3'),
      ),
    'something else': (path) => writeFileSync(`${path}.index.json`, '[]'),
  }
  for (const [what, apply] of Object.entries(change)) {
    it(`${what}: refused, or made anew`, async () => {
      const path = shardFile()
      await (await TarIndex.open(path)).close()
      apply(path)
      await assert.rejects(TarIndex.open(path, { ifStale: 'refuse' }), {
        code: 'ERR_STALE_INDEX',
        source: `${path}.index.json`,
      })
      assert.throws(() => TarIndexSync.open(path, { ifStale: 'refuse' }), {
        code: 'ERR_STALE_INDEX',
      })
      await using index = await TarIndex.open(path)
      assert.equal(index.origin, 'archive')
      assert.ok(contents(5).equals(await index.read('5.bin')))
      await (await TarIndex.open(path, { ifStale: 'refuse' })).close()
    })
  }

  it('is done without where the folder cannot be written', {
    skip: process.getuid?.() === 0 && 'root may write everywhere',
  }, async () => {
    const path = shardFile()
    chmodSync(folder, 0o500)
    try {
      await (await TarIndex.open(path)).close()
    } finally {
      chmodSync(folder, 0o700)
    }
    assert.ok(!existsSync(`${path}.index.json`))
  })

  const hasCounts = existsSync('/proc/self/io')
  it('an index of a long archive is made without reading what lies between', {
    skip: !hasCounts && 'no /proc here',
  }, async () => {
    const path = join(folder, 'sparse.tar')
    const big = 40 * 1024 * 1024
    const { open } = await import('node:fs/promises')
    const file = await open(path, 'w')
    for (let i = 0; i < 20; i++) {
      const header = Buffer.concat([pax({ size: String(big) }), block({ path: `${i}` })])
      await file.write(header, 0, header.length, i * (big + 1536))
    }
    await file.truncate(20 * (big + 1536) + 1024)
    await file.close()
    const before = bytesRead()
    await using index = await TarIndex.open(path)
    assert.equal(index.length, 20)
    assert.equal(index.entry('19').offset, 19 * (big + 1536) + 1536)
    assert.ok(bytesRead() - before < 2 ** 20, `${bytesRead() - before} bytes`)
  })
})

describe('over HTTP', () => {
  let base = ''
  let answer: RequestListener
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.headers.range ?? 'all')
    answer(request, response)
  })
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  let etag = '"1"'
  let served = shard
  const ranges: RequestListener = (request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (request.url?.endsWith('.json'))
      return void response.end(readFileSync(join(folder, 'http.json')))
    if (range === null) return void response.writeHead(200, { etag }).end(served)
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), served.length - 1)]
    response.writeHead(206, { etag, 'content-range': `bytes ${from}-${to}/${served.length}` })
    response.end(served.subarray(from, to + 1))
  }

  it('downloads once to make the index, then reads ranges', async () => {
    answer = ranges
    requests.length = 0
    await using index = await TarIndex.open(new URL(`${base}/x.tar`), {
      indexFile: join(folder, 'http.json'),
    })
    assert.equal(requests.filter((range) => range === 'all').length, 1)
    const data = await index.readMany(Array.from({ length: COUNT }, (_, i) => i))
    for (const [i, bytes] of data.entries()) assert.ok(contents(i).equals(bytes))
    assert.equal(requests.filter((range) => range === 'all').length, 1)
  })

  it('takes an index from a file or a URL without a download', async () => {
    answer = ranges
    for (const indexFile of [join(folder, 'http.json'), new URL(`${base}/x.tar.index.json`)]) {
      requests.length = 0
      await using index = await TarIndex.open(new URL(`${base}/x.tar`), {
        indexFile,
        ifStale: 'refuse',
      })
      assert.equal(index.origin, 'file')
      assert.ok(contents(9).equals(await index.read('9.bin')))
      assert.ok(requests.length <= 3)
    }
  })

  it('notices that the archive has changed', async () => {
    answer = ranges
    await using index = await TarIndex.open(new URL(`${base}/x.tar`), {
      indexFile: join(folder, 'http.json'),
    })
    etag = '"2"'
    await assert.rejects(index.read(1), {
      code: 'ERR_READ',
      message: /has changed since it was opened/,
    })
    served = Buffer.concat([block({ path: 'new', data: contents(0) }), shard.subarray(512)])
    await assert.rejects(
      TarIndex.open(new URL(`${base}/x.tar`), {
        indexFile: join(folder, 'http.json'),
        ifStale: 'refuse',
      }),
      {
        code: 'ERR_STALE_INDEX',
      },
    )
    served = shard
  })

  it('takes an index that was made elsewhere and published beside the archive', async () => {
    answer = ranges
    const path = shardFile()
    await (await TarIndex.open(path)).close()
    writeFileSync(join(folder, 'http.json'), readFileSync(`${path}.index.json`))
    for (const options of [{}, { indexFile: `${base}/any.json` }]) {
      requests.length = 0
      await using index = await TarIndex.open(new URL(`${base}/x.tar`), {
        ...options,
        ifStale: 'refuse',
      })
      assert.equal(index.origin, 'file')
      assert.ok(contents(9).equals(await index.read('9.bin')))
      // The index, and no more than both ends and some headers of the archive.
      assert.deepEqual(requests.filter((range) => range === 'all').length, 1)
    }
    served = Buffer.from(shard)
    served.write('other', shard.length - 3000)
    await assert.rejects(TarIndex.open(new URL(`${base}/x.tar`), { ifStale: 'refuse' }), {
      code: 'ERR_STALE_INDEX',
    })
    served = shard
  })

  it('says what a server cannot or will not do', async () => {
    const url = new URL(`${base}/x.tar`)
    answer = (_, response) => response.end(shard)
    await assert.rejects(TarIndex.open(url), {
      code: 'ERR_UNSUPPORTED',
      message: /does not send parts of files/,
    })
    answer = (_, response) => response.writeHead(404).end()
    await assert.rejects(TarIndex.open(url), {
      code: 'ERR_READ',
      message: /the server answered 404 Not Found/,
    })
    answer = (_, response) => response.writeHead(206).end('x')
    await assert.rejects(TarIndex.open(url), {
      code: 'ERR_UNSUPPORTED',
      message: /does not report its size/,
    })
    answer = (_, response) => response.destroy()
    await assert.rejects(TarIndex.open(url), { code: 'ERR_READ', source: url.href })
  })
})
