import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Thumbnails } from './service.js'

/** Largest upload, in bytes. */
const MAX_BYTES = 20_000_000

/** POST /thumbnail, GET /report, GET /healthz. */
export function makeServer({ uploads, pipeline }: Thumbnails): Server {
  return createServer((request, response) => {
    const route = `${request.method} ${request.url}`
    if (route === 'GET /healthz') response.end('ok')
    else if (route === 'GET /report') response.end(String(pipeline.report()))
    else if (route === 'POST /thumbnail') void thumbnail(request, response)
    else response.writeHead(404).end()
  })

  async function thumbnail(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController()
    response.on('close', () => left.abort(new Error('the client has left')))
    try {
      const jpeg = await uploads.push(await bodyOf(request), { signal: left.signal })
      response.writeHead(200, { 'content-type': 'image/jpeg' }).end(jpeg)
    } catch (error) {
      if (response.closed) return
      const { code = '' } = error as { code?: string }
      response.writeHead(STATUS[code] ?? 500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ code }))
    }
  }
}

const STATUS: Readonly<Record<string, number>> = {
  ERR_DECODE: 422,
  ERR_UNSUPPORTED: 422,
  ERR_TOO_LARGE: 413,
  ERR_TIMEOUT: 422,
  ERR_PUSH_FULL: 503,
  ERR_PUSH_CLOSED: 503,
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw Object.assign(new Error('too large'), { code: 'ERR_TOO_LARGE' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
