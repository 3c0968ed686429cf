import type { RequestListener } from 'node:http'

/**
 * A web server that has one thing, and sends parts of it. `requests` gets the range of each
 * request.
 */
export function serveRanges(bytes: Uint8Array, requests: string[] = []): RequestListener {
  return (request, response) => {
    requests.push(request.headers.range ?? '')
    response.setHeader('etag', `"${bytes.length}"`)
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    if (range === null) {
      response.end(bytes)
      return
    }
    const start = Number(range[1])
    const end = range[2] === '' ? bytes.length : Math.min(bytes.length, Number(range[2]) + 1)
    response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` })
    response.end(bytes.subarray(start, end))
  }
}
