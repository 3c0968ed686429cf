import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to a request instead of, or before, the proper answer. */
export type Fault =
  | 'drop' // the connection ends before anything is done
  | 'lose' // the request is carried out, and its answer is lost
  | { readonly status: number; readonly retryAfter?: string }
  | { readonly cutAfter: number } // the body ends too early
  | undefined

interface Stored {
  readonly body: Buffer
  readonly etag: string
  readonly meta: Record<string, string>
  readonly modified: Date
}

/** A server with the part of S3's interface that stores use, in this process. */
export class S3Server implements AsyncDisposable {
  readonly objects: Map<string, Stored> = new Map()
  readonly uploads: Map<string, { readonly name: string; readonly parts: Map<number, Buffer> }> =
    new Map()
  readonly requests: { readonly method: string; readonly url: string; readonly bytes: number }[] =
    []
  /** Names in one page of a list. */
  pageSize = 1000
  /** Waits before each answer, in milliseconds. */
  latencyMs = 0
  fault: (request: IncomingMessage) => Fault = () => undefined
  /** Whether requests must be signed. */
  isPrivate = false
  #server: Server | undefined
  #uploads = 0

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy())
    }).listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  put(name: string, content: Buffer | string): void {
    const body = Buffer.from(content)
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    this.objects.set(name, { body, etag, meta: {}, modified: new Date() })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const body = Buffer.concat(pieces)
    const { method = '', url = '' } = request
    this.requests.push({ method, url, bytes: body.length })
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs))
    const fault = this.fault(request)
    if (fault === 'drop') {
      response.destroy()
      return
    }
    if (typeof fault === 'object' && 'status' in fault) {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter)
      response.statusCode = fault.status
      response.end('<Error><Code>Injected</Code><Message>as asked</Message></Error>')
      return
    }
    if (this.isPrivate && !/^AWS4-HMAC-SHA256 /.test(request.headers.authorization ?? '')) {
      response.statusCode = 403
      response.end('<Error><Code>AccessDenied</Code></Error>')
      return
    }
    const answer = this.#answer(request, body)
    if (fault === 'lose') {
      response.destroy()
      return
    }
    for (const [name, value] of Object.entries(answer.headers ?? {}))
      response.setHeader(name, value)
    response.statusCode = answer.status
    response.setHeader('content-length', answer.body?.length ?? answer.length ?? 0)
    if (fault !== undefined && answer.body !== undefined) {
      response.write(answer.body.subarray(0, fault.cutAfter), () => response.destroy())
      return
    }
    response.end(method === 'HEAD' ? undefined : answer.body)
  }

  #answer(
    request: IncomingMessage,
    body: Buffer,
  ): {
    status: number
    headers?: Record<string, string>
    body?: Buffer
    length?: number
  } {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const [, , ...parts] = url.pathname.split('/')
    const name = decodeURIComponent(parts.join('/'))
    const query = url.searchParams
    const { method } = request
    if (name === '' && query.has('uploads')) return xml(200, this.#listUploads(query))
    if (name === '' && method === 'GET') return xml(200, this.#list(query))
    const found = this.objects.get(name)
    if (method === 'GET' || method === 'HEAD') {
      if (found === undefined) return xml(404, '<Error><Code>NoSuchKey</Code></Error>')
      const headers = {
        etag: found.etag,
        'last-modified': found.modified.toUTCString(),
        ...found.meta,
      }
      if (method === 'HEAD') return { status: 200, headers, length: found.body.length }
      if (request.headers['if-none-match'] === found.etag) return { status: 304, headers }
      return ranged(request, found.body, headers, found.etag)
    }
    if (method === 'DELETE') {
      if (query.has('uploadId')) this.uploads.delete(query.get('uploadId') as string)
      else this.objects.delete(name)
      return { status: 204 }
    }
    if (query.has('uploads')) {
      const id = `upload-${++this.#uploads}`
      this.uploads.set(id, { name, parts: new Map() })
      const mark = request.headers['x-amz-meta-spindle-upload'] as string
      this.#marks.set(id, mark)
      return xml(200, `<R><UploadId>${id}</UploadId></R>`)
    }
    const id = query.get('uploadId')
    if (id !== null) {
      const upload = this.uploads.get(id)
      if (upload === undefined) return xml(404, '<Error><Code>NoSuchUpload</Code></Error>')
      if (method === 'PUT') {
        upload.parts.set(Number(query.get('partNumber')), body)
        return { status: 200, headers: { etag: `"part-${query.get('partNumber')}"` } }
      }
      if (this.#isRefused(request, name)) return precondition()
      const whole = Buffer.concat([...upload.parts].sort(([a], [b]) => a - b).map(([, at]) => at))
      this.put(name, whole)
      this.#mark(name, this.#marks.get(id) as string)
      this.uploads.delete(id)
      return xml(200, `<R><ETag>${this.objects.get(name)?.etag}</ETag></R>`)
    }
    if (this.#isRefused(request, name)) return precondition()
    this.put(name, body)
    this.#mark(name, request.headers['x-amz-meta-spindle-upload'] as string)
    return { status: 200, headers: { etag: this.objects.get(name)?.etag as string } }
  }

  readonly #marks: Map<string, string> = new Map()

  #mark(name: string, mark: string | undefined): void {
    const meta = this.objects.get(name)?.meta
    if (mark !== undefined && meta !== undefined) meta['x-amz-meta-spindle-upload'] = mark
  }

  #isRefused(request: IncomingMessage, name: string): boolean {
    return request.headers['if-none-match'] === '*' && this.objects.has(name)
  }

  #list(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? ''
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort()
    const left = names.filter((name) => name > after)
    const page = left.slice(0, this.pageSize)
    const contents = page.map((name) => {
      const { body, etag, modified } = this.objects.get(name) as Stored
      return `<Contents><Key>${escaped(name)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${escaped(etag)}</ETag><Size>${body.length}</Size></Contents>`
    })
    const isTruncated = left.length > page.length
    const next = isTruncated
      ? `<NextContinuationToken>${escaped(page.at(-1) as string)}</NextContinuationToken>`
      : ''
    return `<R><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</R>`
  }

  #listUploads(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? ''
    const found = [...this.uploads].filter(([, { name }]) => name.startsWith(prefix))
    const all = found.map(
      ([id, { name }]) => `<Upload><Key>${escaped(name)}</Key><UploadId>${id}</UploadId></Upload>`,
    )
    return `<R>${all.join('')}</R>`
  }
}

function ranged(
  request: IncomingMessage,
  body: Buffer,
  headers: Record<string, string>,
  etag: string,
) {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  if (range === null || (condition !== undefined && condition !== etag))
    return { status: 200, headers, body }
  const start = Number(range[1])
  if (start >= body.length)
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${body.length}` } }
  const end = range[2] === '' ? body.length : Math.min(body.length, Number(range[2]) + 1)
  const part = `bytes ${start}-${end - 1}/${body.length}`
  return {
    status: 206,
    headers: { ...headers, 'content-range': part },
    body: body.subarray(start, end),
  }
}

function xml(status: number, text: string) {
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(text) }
}

function precondition() {
  return xml(412, '<Error><Code>PreconditionFailed</Code></Error>')
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
