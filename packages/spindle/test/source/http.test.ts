import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { RemoteFile, readUrl } from 'spindle/source'

const body = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251))
const quick = { minDelayMs: 1, maxDelayMs: 5 }

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** What the server does, request by request; the last one from then on. */
let answers: Answer[] = []
const requests: IncomingMessage['headers'][] = []
let server: Server
let url = ''

before(async () => {
  server = createServer((request, response) => {
    requests.push(request.headers)
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

/** A server as it should be. */
function honest(tag: string | undefined = '"one"'): Answer {
  return (request, response) => {
    if (tag !== undefined) response.setHeader('etag', tag)
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const isSame = request.headers['if-range'] === undefined || request.headers['if-range'] === tag
    if (range === null || !isSame) {
      response.setHeader('content-length', body.length)
      response.end(body)
      return
    }
    const start = Number(range[1])
    const end = range[2] === '' ? body.length : Math.min(body.length, Number(range[2]) + 1)
    response.statusCode = start < body.length ? 206 : 416
    response.setHeader(
      'content-range',
      start < body.length ? `bytes ${start}-${end - 1}/${body.length}` : `bytes */${body.length}`,
    )
    response.end(start < body.length ? body.subarray(start, end) : '')
  }
}

/** Sends what an honest server would, up to a number of bytes, and then something happens. */
function broken(
  bytes: number,
  then: (response: ServerResponse) => void,
  tag: string | undefined = '"one"',
): Answer {
  return (request, response) => {
    const end = response.end.bind(response)
    response.end = ((data: Buffer) => {
      if (!response.hasHeader('content-length')) response.setHeader('content-length', data.length)
      response.write(data.subarray(0, bytes), () => then(response))
      return response
    }) as typeof end
    honest(tag)(request, response)
  }
}

const cut = (response: ServerResponse) => response.destroy()
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, headers).end('no')
  }

describe('readUrl', () => {
  it('reads all, or a range, also one that goes beyond the end', async () => {
    answers = [honest()]
    assert.deepEqual(await readUrl(url), body)
    assert.deepEqual(await readUrl(new URL(url), { range: [10, 25] }), body.subarray(10, 25))
    assert.deepEqual(
      await readUrl(url, { range: [body.length - 5, body.length + 100] }),
      body.subarray(-5),
    )
  })

  it('sends the headers that it is given', async () => {
    answers = [honest()]
    await readUrl(url, { headers: { authorization: 'Bearer 1' } })
    assert.equal(requests[0]?.authorization, 'Bearer 1')
    assert.equal(requests[0]?.['accept-encoding'], 'identity')
  })

  for (const code of [408, 429, 500, 503]) {
    it(`tries again after status ${code}`, async () => {
      answers = [status(code), status(code), honest()]
      assert.deepEqual(await readUrl(url, quick), body)
      assert.equal(requests.length, 3)
    })
  }

  it('does not try again what would not change', async () => {
    for (const code of [400, 401, 404, 416]) {
      requests.length = 0
      answers = [status(code)]
      await assert.rejects(readUrl(url, quick), {
        code: 'ERR_HTTP',
        message: new RegExp(`${url}: status ${code}`),
      })
      assert.equal(requests.length, 1)
    }
  })

  it('gives up after the retries', async () => {
    answers = [status(503)]
    await assert.rejects(readUrl(url, { ...quick, retries: 2 }), {
      code: 'ERR_HTTP',
      message: /status 503/,
    })
    assert.equal(requests.length, 3)
  })

  it('waits no longer than `maxDelayMs` for what the server asks', async () => {
    answers = [status(503, { 'retry-after': '3600' }), honest()]
    assert.deepEqual(await readUrl(url, quick), body)
  })

  it('goes on where a transfer broke off', async () => {
    answers = [broken(50_000, cut), broken(60_000, cut), honest()]
    assert.deepEqual(await readUrl(url, quick), body)
    assert.deepEqual(
      requests.map(({ range }) => range !== undefined),
      [false, true, true],
    )
    assert.equal(requests[1]?.['if-range'], '"one"')
  })

  it('goes on within a range', async () => {
    answers = [broken(50_000, cut), honest()]
    assert.deepEqual(
      await readUrl(url, { ...quick, range: [1000, 150_000] }),
      body.subarray(1000, 150_000),
    )
    assert.match(requests[1]?.range ?? '', /^bytes=\d{4,}-149999$/)
  })

  it('does not use up its attempts while it moves on', async () => {
    answers = [...Array.from({ length: 8 }, () => broken(20_000, cut)), honest()]
    assert.deepEqual(await readUrl(url, { ...quick, retries: 1 }), body)
  })

  it('begins again where the server cannot tell whether it is still the same', async () => {
    answers = [broken(50_000, cut, ''), honest('')]
    const weak =
      (answer: Answer): Answer =>
      (request, response) => {
        const set = response.setHeader.bind(response)
        response.setHeader = (name, value) => set(name, name === 'etag' ? 'W/"weak"' : value)
        answer(request, response)
      }
    answers = answers.map(weak)
    assert.deepEqual(await readUrl(url, quick), body)
    assert.equal(requests[1]?.range, undefined)
  })

  it('begins again where it has changed', async () => {
    answers = [broken(50_000, cut, '"old"'), honest('"new"')]
    assert.deepEqual(await readUrl(url, quick), body)
    answers = [broken(50_000, cut, '"old"'), honest('"new"')]
    assert.deepEqual(
      await readUrl(url, { ...quick, range: [0, 150_000] }),
      body.subarray(0, 150_000),
    )
  })

  it('gives up on a server that stalls, before or in the body, and tries again', async () => {
    const stall = () => {}
    answers = [stall, honest()]
    assert.deepEqual(await readUrl(url, { ...quick, timeoutMs: 150 }), body)
    answers = [broken(50_000, stall), honest()]
    assert.deepEqual(await readUrl(url, { ...quick, timeoutMs: 150 }), body)
    answers = [stall]
    await assert.rejects(readUrl(url, { ...quick, timeoutMs: 50, retries: 1 }), {
      code: 'ERR_TIMEOUT',
      message: /no sign of life for 50 ms/,
    })
  })

  it('refuses a server that sends all where a range was asked for', async () => {
    answers = [(_, response) => response.end(body)]
    await assert.rejects(readUrl(url, { range: [0, 10] }), {
      code: 'ERR_HTTP',
      message: /does not send ranges/,
    })
  })

  it('refuses answers that are not what was asked for', async () => {
    const part =
      (range: string, bytes = 10): Answer =>
      (_, response) => {
        response.writeHead(206, { 'content-range': range }).end(body.subarray(0, bytes))
      }
    const cases: [Answer, RegExp][] = [
      [part('bytes 5-14/200000'), /begins at byte 5, and not at 0/],
      [part('bytes 0-99/200000', 100), /ends at byte 100, and not at 10/],
      [part('bytes 0-9/200000', 30), /sent more than 10 bytes/],
      [part('bytes 9-0/5'), /without a valid Content-Range/],
      [part('0-9'), /without a valid Content-Range/],
    ]
    for (const [answer, message] of cases) {
      requests.length = 0
      answers = [answer]
      await assert.rejects(readUrl(url, { ...quick, range: [0, 10] }), {
        code: 'ERR_HTTP',
        message,
      })
      assert.equal(requests.length, 1)
    }
  })

  it('asks for the rest of a part that is too short', async () => {
    answers = [
      (_, response) =>
        response
          .writeHead(206, { etag: '"one"', 'content-range': 'bytes 0-4/200000' })
          .end(body.subarray(0, 5)),
      honest(),
    ]
    assert.deepEqual(await readUrl(url, { ...quick, range: [0, 10] }), body.subarray(0, 10))
    assert.equal(requests[1]?.range, 'bytes=5-9')
  })

  it('takes no more than `maxBytes`, announced or not', async () => {
    answers = [honest()]
    await assert.rejects(readUrl(url, { maxBytes: 1000 }), { code: 'ERR_TOO_LARGE' })
    answers = [
      (_, response) => void response.write(body.subarray(0, 5000), () => response.end(body)),
    ]
    await assert.rejects(readUrl(url, { maxBytes: 1000 }), { code: 'ERR_TOO_LARGE' })
    await assert.rejects(readUrl(url, { maxBytes: 1000, range: [0, 1001] }), {
      code: 'ERR_TOO_LARGE',
    })
  })

  it('tries again where nobody answers, and then says so', async () => {
    let attempts = 0
    const counting: typeof fetch = (...request) => {
      attempts++
      return fetch(...request)
    }
    const closed = createServer().listen(0)
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    await assert.rejects(
      readUrl(`http://127.0.0.1:${port}/`, { ...quick, retries: 2, fetch: counting }),
      {
        code: 'ERR_HTTP',
        message: /ECONNREFUSED/,
      },
    )
    assert.equal(attempts, 3)
  })

  it("rejects with the signal's reason, before, while it waits and while it reads", async () => {
    const reason = new Error('enough')
    answers = [status(503)]
    await assert.rejects(readUrl(url, { signal: AbortSignal.abort(reason) }), reason)
    assert.equal(requests.length, 0)
    for (const answer of [status(503), broken(1000, () => {})]) {
      const controller = new AbortController()
      answers = [
        (request, response) => {
          answer(request, response)
          setImmediate(() => controller.abort(reason))
        },
      ]
      await assert.rejects(
        readUrl(url, { signal: controller.signal, minDelayMs: 60_000, maxDelayMs: 60_000 }),
        reason,
      )
    }
  })

  it('refuses options and URLs that make no sense', async () => {
    const cases: [string, object, RegExp][] = [
      ['file:///etc/passwd', {}, /`url` must be an http: or https: URL/],
      ['nowhere', {}, /`url`/],
      [url, { range: [5, 5] }, /`range\[1\]` must be an integer >= 6/],
      [url, { range: [5] }, /`range` must be a pair/],
      [url, { retries: -1 }, /`retries`/],
      [url, { timeoutMs: 0 }, /`timeoutMs`/],
      [url, { retry: 3 }, /unknown option `retry`/],
    ]
    for (const [place, options, message] of cases)
      await assert.rejects(readUrl(place, options), { code: 'ERR_BAD_OPTION', message })
  })
})

describe('RemoteFile', () => {
  it('knows its size, and reads ranges, many at a time', async () => {
    answers = [honest()]
    const file = await RemoteFile.open(url)
    assert.equal(file.size, body.length)
    assert.equal(file.validator, '"one"')
    const ranges = Array.from({ length: 20 }, (_, i) => [i * 1000, i * 1000 + 500] as const)
    const parts = await Promise.all(ranges.map(([start, end]) => file.read(start, end)))
    assert.deepEqual(
      parts,
      ranges.map(([start, end]) => body.subarray(start, end)),
    )
    assert.equal((await file.read(7, 7)).length, 0)
    await assert.rejects(file.read(0, body.length + 1), {
      code: 'ERR_BAD_OPTION',
      message: /`end` must be at most the size/,
    })
  })

  it('of nothing has the size 0', async () => {
    answers = [status(416, { 'content-range': 'bytes */0' })]
    assert.equal((await RemoteFile.open(url)).size, 0)
  })

  it('fails where it has changed since', async () => {
    answers = [honest('"one"'), honest('"two"')]
    const file = await RemoteFile.open(url)
    await assert.rejects(file.read(0, 5), { code: 'ERR_HTTP', message: /no longer what it was/ })
  })

  it('refuses a server that does not send ranges', async () => {
    answers = [(_, response) => response.end(body)]
    await assert.rejects(RemoteFile.open(url), {
      code: 'ERR_HTTP',
      message: /does not send ranges/,
    })
  })
})
