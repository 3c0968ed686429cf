import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { type ReadUrlOptions, RemoteFile, readUrl, streamUrl, urlForMessages } from 'spindle/source'
import { show } from '../../src/check.ts'
import { noLetters } from '../../src/engine/report/read-stats.ts'
import { renderFailures } from '../../src/observe/page/stage-tables.ts'
import { Collected } from '../../src/source/http/read-url.ts'
import { Watch } from '../../src/source/http/transfer-watch.ts'

const SIZE = 100_000
const quick: ReadUrlOptions = { minDelayMs: 1, maxDelayMs: 5 }

/** One state of the file on the server: every byte is the same letter. */
interface State {
  readonly letter: string
  readonly size?: number
  readonly headers: Record<string, string>
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let answers: Answer[] = []
const requests: IncomingMessage[] = []
let server: Server
let url = ''

before(async () => {
  server = createServer((request, response) => {
    requests.push(request)
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!
    answer(request, response)
  }).listen(0)
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data`
})
after(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  requests.length = 0
})

/**
 * Sends ranges whatever `If-Range` says, as some caches do. `sent` bytes are sent, then the
 * connection breaks.
 */
function careless(
  { letter, size = SIZE, headers }: State,
  sent = Number.POSITIVE_INFINITY,
  total?: string,
): Answer {
  return (request, response) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const start = range === null ? 0 : Number(range[1])
    const end = range === null || range[2] === '' ? size : Math.min(size, Number(range[2]) + 1)
    const part =
      range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${total ?? size}` }
    response.writeHead(range === null ? 200 : 206, {
      'content-length': end - start,
      ...part,
      ...headers,
    })
    const body = Buffer.alloc(end - start, letter)
    if (sent >= body.length) response.end(body)
    else response.write(body.subarray(0, sent), () => response.destroy())
  }
}

const old: State = { letter: 'o', headers: { etag: '"old"' } }
const young: State = { letter: 'n', headers: { etag: '"new"' } }
const long_ago = new Date(1e12).toUTCString()

describe('parts of two states of a file are never joined', () => {
  const other: [string, State, State][] = [
    ['another ETag', old, young],
    ['no ETag any more', old, { letter: 'n', headers: {} }],
    ['a weak ETag in place of a strong one', old, { letter: 'n', headers: { etag: 'W/"old"' } }],
    ['another size under the same ETag', old, { ...old, letter: 'n', size: SIZE + 1 }],
    [
      'the same weak ETag',
      { letter: 'o', headers: { etag: 'W/"a"' } },
      { letter: 'n', headers: { etag: 'W/"a"' } },
    ],
    [
      'a weak ETag beside the same Last-Modified',
      { letter: 'o', headers: { etag: 'W/"a"', 'last-modified': long_ago } },
      { letter: 'n', headers: { etag: 'W/"b"', 'last-modified': long_ago } },
    ],
    [
      'another Last-Modified',
      { letter: 'o', headers: { 'last-modified': long_ago } },
      { letter: 'n', headers: { 'last-modified': new Date(2e12).toUTCString() } },
    ],
    [
      'a Last-Modified of the second in which it was sent',
      { letter: 'o', headers: { 'last-modified': long_ago, date: long_ago } },
      { letter: 'n', headers: { 'last-modified': long_ago, date: long_ago } },
    ],
    ['no validator at all', { letter: 'o', headers: {} }, { letter: 'n', headers: {} }],
  ]
  for (const [name, before, now] of other) {
    it(`begins again: ${name}`, async () => {
      const size = now.size ?? SIZE
      answers = [careless(before, 40_000), careless(now)]
      assert.deepEqual(await readUrl(url, quick), Buffer.alloc(size, 'n'))
      answers = [careless(before, 40_000), careless(now)]
      assert.deepEqual(
        await readUrl(url, { ...quick, range: [10, 90_010] }),
        Buffer.alloc(90_000, 'n'),
      )
      if (before.headers.etag === undefined || now.headers.etag === before.headers.etag) return
      answers = [careless(before), careless(before, 40_000), careless(now)]
      const file = await RemoteFile.open(url, quick)
      await assert.rejects(file.read(0, SIZE), {
        code: 'ERR_HTTP',
        message: /no longer what it was/,
      })
    })
  }

  it('fails after its retries where the file changes all the time', async () => {
    answers = Array.from({ length: 50 }, (_, i) =>
      careless({ letter: 'o', headers: { etag: `"${i}"` } }, 40_000),
    )
    await assert.rejects(readUrl(url, { ...quick, retries: 3 }), {
      code: 'ERR_HTTP',
      message: /changed|broke off|terminated/,
    })
    assert.ok(requests.length <= 8, `${requests.length} requests`)
  })

  it('goes on by an ETag, by a Last-Modified, and where the size is not told again', async () => {
    for (const headers of [{ etag: '"old"' }, { 'last-modified': long_ago }]) {
      requests.length = 0
      answers = [
        careless({ letter: 'o', headers }, 40_000),
        careless({ letter: 'o', headers }, 9e9, '*'),
      ]
      assert.deepEqual(await readUrl(url, quick), Buffer.alloc(SIZE, 'o'))
      assert.equal(requests[1]?.headers.range !== undefined, true)
    }
  })

  it('takes no part whose end nobody knows for the rest', async () => {
    const unsized: Answer = (_, response) => {
      response.writeHead(200, old.headers)
      response.write(Buffer.alloc(40_000, 'o'), () => response.destroy())
    }
    const short: Answer = (_, response) => {
      response
        .writeHead(206, { ...old.headers, 'content-range': 'bytes 40000-40009/*' })
        .end('oooooooooo')
    }
    answers = [unsized, short, careless(old)]
    assert.deepEqual(await readUrl(url, quick), Buffer.alloc(SIZE, 'o'))
  })

  it('are kept in chunks, however small the pieces are that come', () => {
    const collected = new Collected()
    for (let i = 0; i < 200_000; i++) collected.add(Uint8Array.of(i))
    collected.add(new Uint8Array(20_000).fill(7))
    collected.add(Uint8Array.of(9))
    assert.ok((collected as unknown as { chunks: unknown[] }).chunks.length < 10)
    const bytes = collected.joined()
    assert.deepEqual([bytes.length, bytes[257], bytes[200_000], bytes[220_000]], [220_001, 1, 7, 9])
    assert.equal(bytes.buffer.byteLength, bytes.length)
    collected.clear()
    assert.equal(collected.joined().length, 0)
  })

  it('refuses a part that has more than it says', async () => {
    answers = [
      (_, response) => {
        response
          .writeHead(206, { ...old.headers, 'content-range': `bytes 0-9/${SIZE}` })
          .end(Buffer.alloc(20))
      },
    ]
    await assert.rejects(readUrl(url, { ...quick, range: [0, 50] }), {
      code: 'ERR_HTTP',
      message: /more than 10/,
    })
  })
})

describe('streamUrl', () => {
  it('goes on where the file is the same, and fails where pieces of another would follow', async () => {
    answers = [careless(old, 40_000), careless(old)]
    const pieces: Uint8Array[] = []
    for await (const piece of streamUrl(url, quick)) pieces.push(piece)
    assert.deepEqual(Buffer.concat(pieces), Buffer.alloc(SIZE, 'o'))
    answers = [careless(old, 40_000), careless(young)]
    await assert.rejects(
      async () => {
        for await (const piece of streamUrl(url, quick)) assert.equal(piece[0], 'o'.charCodeAt(0))
      },
      { code: 'ERR_HTTP', message: /broke off/ },
    )
  })

  it('reads a RemoteFile piece by piece, of the state that was opened', async () => {
    answers = [careless(old)]
    const file = await RemoteFile.open(url, quick)
    let length = 0
    for await (const piece of file.stream(10, 90_000)) length += piece.length
    assert.equal(length, 89_990)
    answers = [careless(young)]
    await assert.rejects(file.stream().next(), {
      code: 'ERR_HTTP',
      message: /no longer what it was/,
    })
  })

  it('counts time only while a piece is waited for', async () => {
    const watch = new Watch(30, 30, undefined)
    watch.rest()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(watch.signal.aborted, false)
    watch.sign()
    if (!watch.signal.aborted) await once(watch.signal, 'abort')
    assert.ok(watch.hasStalled || watch.hasExpired)
    watch.end()
  })
})

describe('what would not change is not tried again', () => {
  const redirect =
    (location: string): Answer =>
    (_, response) => {
      response.writeHead(302, { location }).end()
    }

  it('refuses encodings that were not asked for, whole or cut short', async () => {
    const coded: Answer = (_, response) => {
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(SIZE)).subarray(0, -9))
    }
    answers = [coded]
    await assert.rejects(readUrl(url, quick), { code: 'ERR_HTTP', message: /Content-Encoding/ })
    await assert.rejects(readUrl(url, { ...quick, range: [0, 9] }), { code: 'ERR_HTTP' })
    assert.equal(requests.length, 2)
    answers = [
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello'))
      },
    ]
    const asked = await readUrl(url, { headers: { 'Accept-Encoding': 'gzip' } })
    assert.equal(asked.toString(), 'hello')
  })

  it('refuses redirects to other schemes, in a loop, without end, and with credentials', async () => {
    let number = 0
    const cases: [Answer, RegExp, number][] = [
      [redirect('file:///etc/passwd'), /only http: and https:/, 1],
      [redirect('data:text/plain,hello'), /only http: and https:/, 1],
      [redirect('/data'), /in a loop/, 1],
      [redirect('http://me:secret@127.0.0.1/'), /with a user name or password/, 1],
      [redirect('http://['), /invalid URL/, 1],
      [
        (_, response) => void response.writeHead(302, { location: `/${++number}` }).end(),
        /more than 20/,
        21,
      ],
    ]
    for (const [answer, message, count] of cases) {
      requests.length = 0
      answers = [answer]
      await assert.rejects(readUrl(url, quick), { code: 'ERR_HTTP', message })
      assert.equal(requests.length, count)
    }
  })

  it('follows other redirects, without credentials to another origin', async () => {
    answers = [redirect(url.replace('127.0.0.1', 'localhost')), careless(old)]
    const headers = { authorization: 'Bearer 1', 'x-request': '2' }
    assert.equal((await readUrl(url, { ...quick, headers })).length, SIZE)
    assert.deepEqual(
      requests.map((request) => [request.headers.authorization, request.headers['x-request']]),
      [
        ['Bearer 1', '2'],
        [undefined, '2'],
      ],
    )
  })

  it('ends when the time in all is over, retries included', async () => {
    const drip: Answer = (_, response) => {
      response.writeHead(200, { ...old.headers, 'content-length': SIZE })
      const timer = setInterval(() => response.write('o'), 5)
      response.on('close', () => clearInterval(timer))
    }
    answers = [drip]
    const options = { ...quick, timeoutMs: 10_000, totalTimeoutMs: 100 }
    await assert.rejects(readUrl(url, options), {
      code: 'ERR_TIMEOUT',
      message: /`totalTimeoutMs`/,
    })
    answers = [(_, response) => void response.writeHead(503).end()]
    const patient = { retries: 1000, minDelayMs: 10, maxDelayMs: 10, totalTimeoutMs: 50 }
    await assert.rejects(readUrl(url, patient), {
      code: 'ERR_TIMEOUT',
      message: /`totalTimeoutMs`/,
    })
  })
})

describe('secrets in URLs', () => {
  it('are left out of messages by one function', () => {
    const cases: [string, string][] = [
      ['https://me:pass@example.org:1/a/@b.tar?sig=1#x', 'https://example.org:1/a/@b.tar?…#…'],
      ['https://example.org/a', 'https://example.org/a'],
      ['data:text/plain;base64,c2VjcmV0', 'data:text/plain;base64,…'],
      ['http://me:pa/ss@[x', 'http://…'],
      ['folder/what?.txt', 'folder/what?.txt'],
    ]
    for (const [from, to] of cases) assert.equal(urlForMessages(from), to)
    assert.equal(urlForMessages(new URL('file:///a%20b.txt?x')), 'file:///a%20b.txt?…')
  })

  it('stand in no error, whatever goes wrong', async () => {
    const secret = 'S3CRET-SIGNATURE'
    const signed = `${url}?signature=${secret}&x=1#${secret}`
    const failures: [string, Answer | undefined, ReadUrlOptions][] = [
      ['status', (_, response) => void response.writeHead(403).end(), {}],
      ['too large', careless(old), { maxBytes: 10 }],
      ['a stall', () => {}, { timeoutMs: 20 }],
      ['a loop', (_, response) => void response.writeHead(302, { location: signed }).end(), {}],
      [
        'a redirect',
        (_, response) => void response.writeHead(302, { location: `ftp://x/?${secret}` }).end(),
        {},
      ],
      [
        'what a fetch throws',
        undefined,
        {
          fetch: (place) => {
            const cause = Object.assign(new Error(`no way to ${secret}`), { request: { place } })
            throw new TypeError(`cannot get ${place}`, { cause })
          },
        },
      ],
    ]
    for (const [name, answer, options] of failures) {
      answers = answer === undefined ? answers : [answer]
      const error = await readUrl(signed, { ...quick, retries: 0, ...options }).then(
        () => assert.fail(name),
        (reason: unknown) => reason,
      )
      assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /S3CRET/, name)
    }
    for (const bad of [
      `ftp://me:${secret}@x/`,
      `http://me:${secret}@127.0.0.1/`,
      `http://me:${secret}@[`,
    ]) {
      await assert.rejects(readUrl(bad), (error) => !inspect(error).includes(secret))
    }
    assert.throws(
      () => streamUrl(`http://${secret}@127.0.0.1/`),
      (error) => !inspect(error).includes(secret),
    )
  })

  it('stand in no value that a message shows, and in no table of failed items', () => {
    const url = 'https://example.org/a.jpg?signature=S3CRET'
    for (const value of [url, new URL(url), { url, other: 1 }, { nested: [url] }])
      assert.doesNotMatch(show(value), /S3CRET/)
    const failure = { stage: 'fetch', index: 0, attempts: 1, error: new Error('no'), item: url }
    const stats = { stages: [{ failures: 1 }], deadLetters: noLetters }
    const report = { failures: [failure], stats }
    const page = renderFailures(report as unknown as Parameters<typeof renderFailures>[0])
    assert.match(page, /example\.org\/a\.jpg/)
    assert.doesNotMatch(page, /S3CRET/)
  })
})
