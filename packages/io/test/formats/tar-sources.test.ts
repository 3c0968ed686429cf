import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createReadStream,
  mkdtempSync,
  openAsBlob,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { PipelineBuilder } from 'spindle'
import { type ArchiveSource, iterateTar, streamTar } from '../../src/index.ts'
import { iterateTarSync } from '../../src/sync.ts'
import {
  ARCHIVES,
  archive,
  block,
  END,
  EXPECTED,
  headerBlock,
  inPieces,
  readAll,
  summary,
} from './tar-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'tar-sources-'))
after(() => rmSync(folder, { recursive: true }))

const path = `${ARCHIVES}pets.tar`
const bytes = archive('pets.tar')
const expected = EXPECTED['pets.tar']!
const text = (data: Uint8Array): string => Buffer.from(data).toString()

/** Members small and large: some lie across the borders of the pieces that are read. */
const sizes = [10, 300_000, 0, 700_000, 5, 3_000_000, 900, 1_048_576, 4096, 20_000, 1_500_000, 1]
const mixed = Buffer.concat([
  ...sizes.map((size, i) => block({ path: `${i}`, data: Buffer.alloc(size, `member ${i};`) })),
  END,
])
const mixedPath = join(folder, 'mixed.tar')
writeFileSync(mixedPath, mixed)
function checkMixed(members: readonly { path: string; data: Uint8Array }[]): void {
  assert.equal(members.length, sizes.length)
  for (const [i, { path: name, data }] of members.entries()) {
    assert.equal(name, `${i}`)
    assert.ok(Buffer.alloc(sizes[i]!, `member ${i};`).equals(data), `member ${i}`)
  }
}

describe('sources', () => {
  const shared = new SharedArrayBuffer(bytes.length)
  new Uint8Array(shared).set(bytes)
  const odd = new Uint8Array(bytes.length + 9)
  odd.set(bytes, 3)
  const memory = Uint8Array.from(bytes)
  const sources: Record<string, () => ArchiveSource | Promise<ArchiveSource>> = {
    path: () => path,
    'file: URL': () => pathToFileURL(path),
    'data: URL': () => new URL(`data:application/x-tar;base64,${bytes.toString('base64')}`),
    Buffer: () => bytes,
    'Uint8Array at an odd place': () => odd.subarray(3, 3 + bytes.length),
    ArrayBuffer: () => memory.buffer as ArrayBuffer,
    SharedArrayBuffer: () => shared,
    'Uint8Array of shared memory': () => new Uint8Array(shared),
    Blob: () => new Blob([bytes]),
    'Blob of a file': () => openAsBlob(path),
    'Node stream': () => createReadStream(path, { highWaterMark: 100 }),
    'web stream': () => Readable.toWeb(createReadStream(path)) as unknown as ArchiveSource,
    'reader without iterator': () => {
      const stream = new Blob([bytes]).stream()
      return { getReader: () => stream.getReader() } as unknown as ArchiveSource
    },
    'async generator': () => inPieces(bytes, [1, 2, 513, 1100]),
  }
  for (const [name, make] of Object.entries(sources)) {
    it(`${name}, plain and compressed`, async () => {
      assert.deepEqual((await readAll(await make())).map(summary), expected)
      if (name === 'Blob')
        assert.deepEqual((await readAll(new Blob([gzipSync(bytes)]))).map(summary), expected)
    })
  }

  it('http: URL, and what a server may answer', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/pets.tar') response.end(bytes)
      else if (request.url === '/packed')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes))
      else if (request.url === '/cut.tar') {
        response
          .writeHead(200, { 'content-length': bytes.length })
          .write(bytes.subarray(0, 1200), () => response.destroy())
      } else response.writeHead(404).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      assert.deepEqual((await readAll(new URL(`${base}/pets.tar`))).map(summary), expected)
      assert.deepEqual((await readAll(new URL(`${base}/packed`))).map(summary), expected)
      await assert.rejects(readAll(new URL(`${base}/none`)), {
        code: 'ERR_READ',
        message: `${base}/none: the server answered 404 Not Found`,
      })
      await assert.rejects(readAll(new URL(`${base}/cut.tar`)), {
        code: 'ERR_READ',
        source: `${base}/cut.tar`,
      })
    } finally {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
    await assert.rejects(readAll(new URL(`${base}/pets.tar`)), {
      code: 'ERR_READ',
      message: /fetch failed: ./,
    })
  })

  it('what cannot be read says so', async () => {
    const missing = join(folder, 'none.tar')
    const rejection = {
      code: 'ERR_READ',
      source: missing,
      message: new RegExp(`^${missing}: ENOENT`),
    }
    await assert.rejects(readAll(missing), rejection)
    assert.throws(() => [...iterateTarSync(missing)], rejection)
    await assert.rejects(readAll(folder), { code: 'ERR_READ', message: /EISDIR/ })
    assert.throws(() => [...iterateTarSync(folder)], { code: 'ERR_READ', message: /EISDIR/ })
    for (const read of [readAll, (url: string) => [...iterateTarSync(url)]])
      await assert.rejects(async () => read('https://example.org/x.tar'), {
        code: 'ERR_READ',
        message: /pass a URL as `new URL/,
      })
    const broken = (async function* () {
      yield bytes.subarray(0, 700)
      throw new Error('the cable is cut')
    })()
    await assert.rejects(readAll(broken), {
      code: 'ERR_READ',
      message: 'a stream: the cable is cut',
    })
    const words = Readable.from(['not bytes']) as unknown as ArchiveSource
    await assert.rejects(readAll(words), {
      code: 'ERR_READ',
      message: /a piece of it is of type string, where a Uint8Array was expected/,
    })
    const stream = createReadStream(missing)
    await assert.rejects(readAll(stream), { code: 'ERR_READ', source: missing })
  })

  it('wrong arguments are refused at once', () => {
    for (const source of [undefined, null, 3, '', {}, []])
      assert.throws(() => iterateTar(source as never), {
        code: 'ERR_BAD_OPTION',
        message: /`source` must be a path/,
      })
    const wrong: [object, RegExp][] = [
      [{ fliter: () => true }, /unknown option `fliter`/],
      [{ types: [] }, /`types` must be a list of at least one type/],
      [{ types: ['folder'] }, /`types` must be made of 'file', .*got 'folder'/],
      [{ filter: 'jpg' }, /`filter` must be a function/],
      [{ maxMemberBytes: 0 }, /`maxMemberBytes` must be an integer from 1 to 4294967296, got 0/],
      [{ concatenated: 1 }, /`concatenated` must be true or false/],
      [{ requireEndMarker: 'yes' }, /`requireEndMarker` must be true or false/],
      [{ views: null }, /`views` must be true or false/],
      [{ signal: {} }, /`signal` must be an AbortSignal/],
      [{ pieceBytes: 3 }, /unknown option/],
    ]
    for (const [options, message] of wrong)
      assert.throws(() => iterateTar(bytes, options), { code: 'ERR_BAD_OPTION', message })
    assert.throws(() => iterateTarSync(bytes, { signal: AbortSignal.abort() } as object), {
      code: 'ERR_BAD_OPTION',
    })
    assert.throws(() => iterateTarSync(bytes, { maxDecompressedBytes: -1 }), {
      code: 'ERR_BAD_OPTION',
    })
    assert.throws(() => streamTar(bytes, { pieceBytes: 0 }), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => [...iterateTarSync(new Blob([bytes]))], {
      code: 'ERR_BAD_OPTION',
      message: /nothing else is read synchronously/,
    })
  })

  it('a filter that returns a promise is refused', async () => {
    await assert.rejects(readAll(bytes, { filter: (async () => false) as never }), {
      code: 'ERR_BAD_OPTION',
      message: /`filter` must be a function that returns true or false/,
    })
    const fault = new Error('own')
    await assert.rejects(
      readAll(bytes, {
        filter: () => {
          throw fault
        },
      }),
      (error) => error === fault,
    )
  })
})

describe('members', () => {
  it('of memory are views, however large', async () => {
    for (const members of [
      await readAll(mixed, { maxMemberBytes: 1 }),
      [...iterateTarSync(mixed, { maxMemberBytes: 1 })],
    ]) {
      checkMixed(members)
      for (const { data, offset, size } of members) {
        if (size === 0) continue
        assert.equal(data.buffer, mixed.buffer)
        assert.equal(data.byteOffset, mixed.byteOffset + offset)
        assert.equal(data.constructor, Uint8Array)
      }
    }
  })

  it('of files and streams have memory of their own: they can all be kept, and each be transferred', async () => {
    const cuts = Array.from({ length: 200 }, (_, i) => i * 32768)
    for (const members of [
      await readAll(mixedPath),
      [...iterateTarSync(mixedPath)],
      await readAll(inPieces(mixed, cuts)),
      await readAll(gzipSync(mixed)),
    ]) {
      checkMixed(members)
      for (const { data } of members) assert.equal(data.buffer.byteLength, data.length)
      const moved = members.map((member) =>
        structuredClone(member, {
          transfer: member.size > 0 ? [member.data.buffer as ArrayBuffer] : [],
        }),
      )
      checkMixed(moved)
      assert.ok(members.every(({ data }) => data.length === 0))
    }
  })

  it('with `views` share what was read, and stay as they are', async () => {
    for (const members of [
      await readAll(mixedPath, { views: true }),
      [...iterateTarSync(mixedPath, { views: true })],
    ]) {
      checkMixed(members)
      assert.ok(members.some(({ data }) => data.buffer.byteLength > data.length))
    }
    const stream = async function* () {
      for (let at = 0; at < mixed.length; at += 50_000) yield mixed.subarray(at, at + 50_000)
    }
    checkMixed(await readAll(stream(), { views: true }))
  })

  it('with `reuse` are right until the next one is asked for, in memory that is used again', async () => {
    const cuts = Array.from({ length: 200 }, (_, i) => i * 32768)
    const sources = [mixedPath, mixed, gzipSync(mixed), inPieces(mixed, cuts), new Blob([mixed])]
    const copies: { path: string; data: Uint8Array }[] = []
    const memories = new Set<ArrayBufferLike>()
    const take = ({ path: name, data }: { path: string; data: Uint8Array }): void => {
      copies.push({ path: name, data: Buffer.from(data) })
      memories.add(data.buffer)
    }
    for (const source of sources) {
      for await (const member of iterateTar(source, { reuse: true })) {
        // What is read ahead lies elsewhere.
        await new Promise((resolve) => setImmediate(resolve))
        take(member)
      }
      checkMixed(copies.splice(0))
    }
    memories.clear()
    for (const source of [mixedPath, mixed, gzipSync(mixed)]) {
      for (const member of iterateTarSync(source, { reuse: true })) take(member)
      checkMixed(copies.splice(0))
      if (source === mixedPath)
        assert.ok(memories.size <= sizes.length - 3, `${memories.size} memories`)
    }
    assert.throws(() => iterateTar(path, { reuse: true, views: true }), {
      code: 'ERR_BAD_OPTION',
      message: /`reuse` must be false where `views` is true/,
    })
  })

  it('asked for without waiting come one after the other, and none after `return`', async () => {
    for (const source of [mixedPath, mixed]) {
      const iterator = iterateTar(source)[Symbol.asyncIterator]()
      const steps = await Promise.all(Array.from({ length: 4 }, () => iterator.next()))
      assert.deepEqual(
        steps.map((step) => step.value?.path),
        ['0', '1', '2', '3'],
      )
      const [next, ended, after] = await Promise.all([
        iterator.next(),
        iterator.return!(),
        iterator.next(),
      ])
      assert.deepEqual([next.value?.path, ended.done, after.done], ['4', true, true])
    }
    const iterator = iterateTar(bytes.subarray(0, 400))[Symbol.asyncIterator]()
    const [failed, after] = await Promise.allSettled([iterator.next(), iterator.next()])
    assert.equal(failed.status, 'rejected')
    assert.deepEqual(after, { status: 'fulfilled', value: { done: true, value: undefined } })
  })

  it('larger than `maxMemberBytes` are an error, unless they are not wanted', async () => {
    const tooLarge = { code: 'ERR_TOO_LARGE', member: '3', offset: 302_592 }
    for (const source of [mixedPath, inPieces(mixed, [])])
      await assert.rejects(readAll(source, { maxMemberBytes: 500_000 }), tooLarge)
    assert.throws(() => [...iterateTarSync(mixedPath, { maxMemberBytes: 500_000 })], tooLarge)
    const small = {
      maxMemberBytes: 500_000,
      filter: ({ size }: { size: number }) => size <= 500_000,
    }
    assert.equal((await readAll(mixedPath, small)).length, 8)
  })

  it('that the filter leaves out are not read from a file', {
    skip: process.platform !== 'linux' && 'no /proc here',
  }, () => {
    const huge = join(folder, 'huge.tar')
    const file = Buffer.concat([headerBlock({ path: 'hole', size: '00400000000\0' })]) // 64 MiB
    writeFileSync(huge, file)
    truncateSync(huge, 512 + 64 * 2 ** 20)
    const before = bytesRead()
    const seen: string[] = []
    const members = [...iterateTarSync(huge, { filter: ({ path: name }) => seen.push(name) === 0 })]
    assert.deepEqual([members, seen], [[], ['hole']])
    assert.ok(bytesRead() - before < 100_000, `${bytesRead() - before}`)
  })

  it('that are read while others are filtered out', async () => {
    const wanted = new Set(['1', '5', '6', '11'])
    const filter = ({ path: name }: { path: string }): boolean => wanted.has(name)
    for (const members of [
      await readAll(mixedPath, { filter }),
      [...iterateTarSync(mixedPath, { filter })],
      await readAll(inPieces(mixed, [5, 400_000]), { filter }),
    ]) {
      assert.deepEqual(
        members.map(({ path: name }) => name),
        [...wanted],
      )
      for (const { path: name, data } of members)
        assert.ok(Buffer.alloc(sizes[Number(name)]!, `member ${name};`).equals(data))
    }
  })
})

describe('streamTar', () => {
  for (const [name, make] of Object.entries({
    memory: () => mixed,
    file: () => mixedPath,
    stream: () => inPieces(mixed, [700, 5_000_000]),
  })) {
    it(`${name}: gives each member in pieces`, async () => {
      const members: { path: string; data: Uint8Array }[] = []
      for await (const { path: member, pieces, size } of streamTar(make(), {
        pieceBytes: 100_000,
      })) {
        const parts: Uint8Array[] = []
        for await (const piece of pieces) parts.push(piece)
        if (name !== 'memory') assert.equal(parts.length, Math.ceil(size / 100_000))
        members.push({ path: member, data: Buffer.concat(parts) })
      }
      checkMixed(members)
    })

    it(`${name}: passes over what is not taken`, async () => {
      const seen: string[] = []
      for await (const { path: member, pieces } of streamTar(make(), { pieceBytes: 1000 })) {
        if (member === '2') continue
        for await (const piece of pieces) {
          seen.push(`${member} ${piece[7]}`)
          break
        }
      }
      assert.deepEqual(
        seen,
        sizes.flatMap((size, i) =>
          size === 0 || i === 2 ? [] : [`${i} ${size > 7 ? `${i}`.charCodeAt(0) : 'undefined'}`],
        ),
      )
    })
  }

  it('pieces can be iterated once, and not after the next member', async () => {
    const all: AsyncIterable<Uint8Array>[] = []
    for await (const { pieces } of streamTar(mixedPath)) {
      all.push(pieces)
      for await (const _ of pieces) break
      await assert.rejects(
        async () => {
          for await (const _ of pieces);
        },
        { code: 'ERR_BAD_STATE', message: /were iterated before/ },
      )
      if (all.length === 2) break
    }
    await assert.rejects(
      async () => {
        for await (const _ of all[0]!);
      },
      { code: 'ERR_BAD_STATE', message: /the pieces of "0"/ },
    )
  })

  it('a truncated member is an error, of the pieces or of what follows', async () => {
    await assert.rejects(
      async () => {
        for await (const { pieces } of streamTar(inPieces(mixed.subarray(0, 200_000), [])))
          for await (const _ of pieces);
      },
      { code: 'ERR_DECODE', member: '1', message: /is truncated: \d+ of 300000 bytes are there/ },
    )
  })
})

describe('lifetime', () => {
  const openFiles = (): number => readdirSync('/proc/self/fd').length

  it('the file is closed at the end, on break, and on errors', {
    skip: process.platform !== 'linux' && 'no /proc here',
  }, async () => {
    const cut = join(folder, 'cut.tar')
    writeFileSync(cut, mixed.subarray(0, 2_000_000))
    await readAll(mixedPath)
    const before = openFiles()
    for (let round = 0; round < 10; round++) {
      await readAll(mixedPath)
      for await (const _ of iterateTar(mixedPath)) break
      for (const _ of iterateTarSync(mixedPath)) break
      for await (const _ of streamTar(mixedPath)) break
      await assert.rejects(readAll(cut))
      assert.throws(() => [...iterateTarSync(cut)])
      await assert.rejects(readAll(`${ARCHIVES}pets.tar.xz`))
      assert.throws(() => [...iterateTarSync(`${ARCHIVES}pets.tar.xz`)])
    }
    // Node closes the file of a stream a moment later.
    while (openFiles() > before) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(openFiles(), before)
  })

  it('a path can be iterated again and again, as a continuous source must be', async () => {
    const members = iterateTar(path)
    for (let epoch = 0; epoch < 2; epoch++) {
      const names: string[] = []
      for await (const { path: name } of members) names.push(name)
      assert.equal(names.length, 2)
    }
    const pipeline = new PipelineBuilder()
      .addSource(iterateTar(path))
      .pipe(({ data }) => text(data))
      .build()
    const items: string[] = []
    for await (const item of pipeline) items.push(item)
    assert.deepEqual(items, ['meow', 'woof!'])
  })

  it('a stream is closed when it is left, plain or compressed, even while it waits', async () => {
    for (const content of [mixed, gzipSync(mixed)]) {
      let isClosed = 0
      const source = {
        [Symbol.asyncIterator]: () => ({
          sent: 0,
          async next(): Promise<IteratorResult<Uint8Array>> {
            if (this.sent === content.length) return new Promise(() => {}) // hangs
            const value = content.subarray(this.sent, this.sent + 1000)
            this.sent += value.length
            return { done: false, value }
          },
          async return(): Promise<IteratorResult<Uint8Array>> {
            isClosed++
            return { done: true, value: undefined }
          },
        }),
      }
      for await (const _ of iterateTar(source)) break
      while (isClosed === 0) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(isClosed, 1)
    }
  })

  it('rejects with the reason of its signal, before, between and while it waits', async () => {
    const reason = { why: 'not needed any more' }
    const isReason = (error: unknown): boolean => error === reason
    for (const source of [mixed, mixedPath, inPieces(mixed, [])])
      await assert.rejects(readAll(source, { signal: AbortSignal.abort(reason) }), isReason)
    for (const content of [mixed, gzipSync(mixed)]) {
      const controller = new AbortController()
      let isClosed = false
      const hanging = {
        async *[Symbol.asyncIterator]() {
          try {
            yield content.subarray(0, 2000)
            setImmediate(() => controller.abort(reason))
            await new Promise((_, reject) =>
              controller.signal.addEventListener('abort', () => reject(reason)),
            )
          } finally {
            isClosed = true
          }
        },
      }
      await assert.rejects(readAll(hanging, { signal: controller.signal }), isReason)
      assert.ok(isClosed)
    }
    for (const source of [mixed, mixedPath]) {
      for (const read of [iterateTar, streamTar]) {
        const controller = new AbortController()
        let count = 0
        await assert.rejects(async () => {
          for await (const _ of read(source, { signal: controller.signal })) {
            count++
            controller.abort(reason)
          }
        }, isReason)
        assert.equal(count, 1)
      }
    }
  })
})

/** What this process has read so far, from whatever files. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
}
