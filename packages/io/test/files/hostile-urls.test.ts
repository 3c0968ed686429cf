import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import {
  fromParquet,
  fromWebDataset,
  iterateTar,
  iterateZip,
  loadAudio,
  loadImage,
  loadImageBatch,
  loadNpy,
  loadNpz,
  loadVideo,
  loadWav,
  probe,
  sampleVideo,
  streamTar,
  TarIndex,
  type UrlOptions,
  ZipFile,
} from '../../src/index.ts'
import { archive } from '../formats/tar-support.ts'
import { tarOf } from '../formats/tar-writer.ts'
import { serveRanges } from '../serve-ranges.ts'

let server: Server
let base = ''
let answer: RequestListener
let requests = 0

before(async () => {
  server = createServer((request, response) => {
    requests++
    response.on('error', () => {})
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

type Loader = (url: URL, options: UrlOptions) => Promise<unknown>

const first = async (items: AsyncIterable<unknown>): Promise<unknown> => {
  for await (const item of items) return item
  return undefined
}

/** What reads a body as a whole. */
const WHOLE: Record<string, Loader> = {
  loadImage: (url, options) => loadImage(url, options),
  'loadImage with sharp': (url, options) => loadImage(url, { backend: 'sharp', ...options }),
  loadImageBatch: (url, options) => loadImageBatch([url], { width: 8, height: 8, ...options }),
  loadAudio: (url, options) => loadAudio(url, options),
  loadVideo: (url, options) => loadVideo(url, options),
  sampleVideo: (url, options) => sampleVideo(url, { count: 1, ...options }),
  loadWav: (url, options) => loadWav(url, options),
  loadNpy: (url, options) => loadNpy(url, options),
  loadNpz: (url, options) => loadNpz(url, options),
  probe: (url, options) => probe(url, options),
  'ZipFile.open': (url, options) => ZipFile.open(url, options),
  iterateZip: (url, options) => first(iterateZip(url, options)),
}
/** What reads ranges, or piece by piece. */
const PARTS: Record<string, Loader> = {
  'TarIndex.open': (url, options) => TarIndex.open(url, options),
  fromWebDataset: async (url, options) => first(await fromWebDataset(url, options)),
  fromParquet: (url, options) => fromParquet(url, options),
  iterateTar: (url, options) => first(iterateTar(url, options)),
  streamTar: (url, options) => first(streamTar(url, options)),
}
const ALL = { ...WHOLE, ...PARTS }

/** Sends zeros as long as they are taken, as an answer to whatever was asked for. */
const endless: RequestListener = (request, response) => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  response.writeHead(range === null ? 200 : 206, {
    ...(range === null ? {} : { 'content-range': `bytes ${range[1]}-${range[2]}/${10 ** 9}` }),
  })
  const piece = Buffer.alloc(1 << 16)
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  }
  response.on('drain', more)
  more()
}

describe('loaders of URLs', () => {
  for (const [name, load] of Object.entries(WHOLE))
    it(`${name} takes no more than \`maxBytes\` of a body without end`, async () => {
      answer = endless
      await assert.rejects(load(new URL(`${base}/endless`), { maxBytes: 300_000 }), {
        code: 'ERR_TOO_LARGE',
        message: /`maxBytes` is 300000/,
      })
    })

  for (const [name, load] of Object.entries(PARTS))
    it(`${name} is not held by a body without end`, async () => {
      answer = endless
      await assert.rejects(load(new URL(`${base}/endless`), { maxBytes: 300_000, retries: 0 }))
    })

  for (const [name, load] of Object.entries(ALL)) {
    it(`${name} tries again, and gives up on a server that is silent`, async () => {
      answer = () => {}
      requests = 0
      const url = new URL(`${base}/silent`)
      await assert.rejects(load(url, { timeoutMs: 30, retries: 1 }), {
        code: 'ERR_READ',
        message: /no sign of life for 30 ms/,
      })
      // A request may be given up before the server hears of it.
      assert.ok(requests <= 2, `${requests} requests`)
      await assert.rejects(load(url, { totalTimeoutMs: 30 }), {
        code: 'ERR_READ',
        message: /totalTimeoutMs/,
      })
    })

    it(`${name} sends headers, and names no secret of the URL`, async () => {
      let sent: string | undefined
      answer = (request, response) => {
        sent = request.headers.authorization
        response.writeHead(403).end()
      }
      const url = new URL(`${base}/x?signature=S3CRET-SIGNATURE#S3CRET-FRAGMENT`)
      await assert.rejects(load(url, { headers: { authorization: 'Bearer 1' } }), (error) => {
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /S3CRET/)
        assert.match((error as Error).message, /\/x\?…#…: the server answered 403 Forbidden/)
        return true
      })
      assert.equal(sent, 'Bearer 1')
      const withPassword = new URL(base.replace('//', '//me:S3CRET@'))
      await assert.rejects(
        load(withPassword, {}),
        (error) => !inspect(error, { depth: 9 }).includes('S3CRET'),
      )
      for (const bad of [
        { maxBytes: 0 },
        { retries: -1 },
        { timeoutMs: 0 },
        { headers: 5 as never },
      ])
        await assert.rejects(async () => load(url, bad), { code: 'ERR_BAD_OPTION' })
    })
  }

  it('read what is there after a first failure', async () => {
    const npy = readFileSync(new URL('../fixtures/arrays/bool.npy', import.meta.url))
    const served = serveRanges(npy)
    answer = (request, response) => {
      if (requests++ === 0) response.writeHead(503).end()
      else served(request, response)
    }
    requests = 0
    assert.equal((await loadNpy(new URL(`${base}/x.npy`))).dtype, 'bool')
  })

  it('refuse a body whose encoding was not asked for', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    await assert.rejects(loadNpy(new URL(`${base}/x.npy`)), {
      code: 'ERR_READ',
      message: /Content-Encoding/,
    })
  })
})

describe('a path that is a URL', () => {
  for (const [name, load] of Object.entries(ALL))
    it(`is not told with its secrets by ${name}`, async () => {
      const path = 'http://me:S3CRET@127.0.0.1/x?signature=S3CRET' as unknown as URL
      if (name === 'fromWebDataset') return
      await assert.rejects(load(path, {}), (error) => {
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /S3CRET/)
        return true
      })
    })
})

describe('TarIndex over HTTP', () => {
  const shard = archive('pets.tar')
  const open = () => TarIndex.open(new URL(`${base}/x.tar`), { retries: 2 })

  it('refuses a part that is not what was asked for, of another size, or of another state', async () => {
    answer = serveRanges(shard)
    await using index = await open()
    const wrong =
      (range: string, headers = {}): RequestListener =>
      (_, response) => {
        response
          .writeHead(206, { etag: `"${shard.length}"`, 'content-range': range, ...headers })
          .end('meow')
      }
    for (const [listener, message] of [
      [wrong(`bytes 0-3/${shard.length}`), /begins at byte 0, and not at 512/],
      [wrong(`bytes 512-515/${shard.length + 1}`), /has changed since it was opened/],
      [
        wrong(`bytes 512-515/${shard.length}`, { etag: '"other"' }),
        /has changed since it was opened/,
      ],
    ] as const) {
      answer = listener
      await assert.rejects(index.read(0), { code: 'ERR_READ', message })
    }
  })

  it('tries again what may pass, when it opens and when it reads', async () => {
    let count = 0
    const served = serveRanges(shard)
    answer = (request, response) => {
      if (count++ % 2 === 0) response.destroy()
      else served(request, response)
    }
    await using index = await open()
    assert.equal(Buffer.from(await index.read('pets/cat.txt')).toString(), 'meow')
  })

  it('reads no member of more than `maxBytes`', async () => {
    const sizes = [100, 101]
    answer = serveRanges(
      tarOf(sizes.map((size) => ({ path: `${size}`, body: new Uint8Array(size) }))),
    )
    await using index = await TarIndex.open(new URL(`${base}/x.tar`), { maxBytes: 100 })
    assert.equal((await index.read('100')).length, 100)
    await assert.rejects(index.read('101'), { code: 'ERR_TOO_LARGE', message: /`maxBytes` is 100/ })
  })
})
