import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { type Pipeline, PipelineBuilder } from 'spindle'
import { type PageServer, servePage } from '../../src/cli/page-server.ts'
import { Recorder } from '../../src/observe/recording.ts'
import { problemsInMarkup } from '../support/html.ts'

// What needs no browser; live-page.browser.ts looks at the page in one.
describe('the live page', () => {
  let pipeline: Pipeline<number>
  let recorder: Recorder
  let server: PageServer
  let consuming: Promise<void>
  before(async () => {
    pipeline = new PipelineBuilder()
      .addSource(function* forever() {
        for (let i = 0; ; i++) yield i
      })
      .pipe((n) => new Promise<number>((resolve) => setTimeout(resolve, 3, n)), {
        name: '<b>wait</b>',
      })
      .build()
    recorder = new Recorder(pipeline, { title: 'Live', intervalMs: 20 })
    server = await servePage(recorder, 0)
    consuming = pipeline.forEach(() => {})
  })
  after(async () => {
    await pipeline.stop()
    await consuming
    recorder.stop()
    await server.end()
  })

  it('is one well-formed document that asks for nothing but its own events, with names as text', async () => {
    const response = await fetch(server.url)
    const html = await response.text()
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.deepEqual(
      [response.headers.get('cache-control'), response.headers.get('x-content-type-options')],
      ['no-store', 'nosniff'],
    )
    assert.deepEqual(problemsInMarkup(html), [])
    assert.match(html, /<h1[^>]*>Live<\/h1>/)
    assert.match(html, /&lt;b&gt;wait&lt;\/b&gt;/)
    assert.doesNotMatch(html, /<b>wait/)
    assert.match(html, /id="live"/)
    assert.match(html, /<html [^>]*data-live="events"/)
    const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? []
    const hash = createHash('sha256').update(script).digest('base64')
    assert.ok(html.includes(`default-src 'none'`) && html.includes(`script-src 'sha256-${hash}'`))
    assert.match(html, /connect-src 'self'/)
    assert.match(html, /prefers-color-scheme: ?dark/)
    assert.doesNotMatch(html, /https?:/)
  })

  it('tells every browser of new readings, and of the end of the run with the last state', async () => {
    const readers = await Promise.all([0, 1].map(() => eventsOf(new URL('events', server.url))))
    const [first, second] = await Promise.all(readers.map((reader) => reader.next()))
    assert.deepEqual([first?.name, second?.name], ['parts', 'parts'])
    const parts = JSON.parse(first!.data) as Record<string, string>
    for (const [id, part] of Object.entries(parts)) assert.deepEqual(problemsInMarkup(part), [], id)
    const next = await readers[0]!.next()
    assert.notDeepEqual(JSON.parse(next!.data), parts, 'something has happened since')

    await pipeline.stop()
    await consuming
    recorder.stop()
    await server.end()
    for (const reader of readers) {
      const rest: { name: string; data: string }[] = []
      for (let event = await reader.next(); event !== undefined; event = await reader.next())
        rest.push(event)
      assert.equal(rest.at(-1)?.name, 'end')
      assert.equal(rest.at(-2)?.name, 'parts')
      assert.match(rest.at(-2)!.data, /stopped/)
    }
    await assert.rejects(fetch(server.url), 'nothing is served any more')
  })
})

describe('the server of the live page', () => {
  it('answers this machine alone, GET alone, and for its two addresses alone', async () => {
    const pipeline = new PipelineBuilder().addSource([1]).build()
    const recorder = new Recorder(pipeline, { title: 'Live' })
    const server = await servePage(recorder, 0)
    try {
      const { port } = new URL(server.url)
      assert.equal(new URL(server.url).hostname, '127.0.0.1')
      const ask = (path: string, options: object = {}) => statusOf(Number(port), path, options)
      assert.deepEqual(
        [await ask('/'), await ask('/', { headers: { host: `localhost:${port}` } })],
        [200, 200],
      )
      assert.equal(await ask('/', { headers: { host: `evil.example:${port}` } }), 403)
      assert.equal(await ask('/', { method: 'POST' }), 405)
      assert.equal(await ask('/secret'), 404)
      await assert.rejects(servePage(recorder, Number(port)), {
        code: 'ERR_BAD_OPTION',
        message: new RegExp(`cannot listen on port ${port}`),
      })
    } finally {
      recorder.stop()
      await server.end()
      await pipeline.stop()
    }
  })
})

function statusOf(port: number, path: string, options: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, ...options }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

/** Server-sent events, one after the other; `undefined` when there are no more. */
async function eventsOf(
  url: URL,
): Promise<{ next(): Promise<{ name: string; data: string } | undefined> }> {
  const response = await fetch(url)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<{ name: string; data: string } | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const [, name = '', data = ''] = /^event: (.*)\ndata: ?(.*)$/.exec(text.slice(0, end)) ?? []
        text = text.slice(end + 2)
        return { name, data }
      }
      const { done, value } = await reader.read()
      if (done) return undefined
      text += value
    }
  }
  return { next }
}
