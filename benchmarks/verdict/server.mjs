// A server that answers after a while: `/20` after 20 ms; `/20?limit=4` refuses with 429 while four
// are being answered; `/20?queue=4` lets others wait until one of four has been answered.
import { createServer } from 'node:http'

import { pause, semaphore } from './parts.mjs'

const busy = new Map()
const queues = new Map()
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const ms = Number(url.pathname.slice(1))
  const places = url.searchParams.get('queue')
  if (places !== null) {
    if (!queues.has(places)) queues.set(places, semaphore(Number(places)))
    queues
      .get(places)(() => pause(ms))
      .then(() => response.end('ok'))
    return
  }
  const limit = Number(url.searchParams.get('limit') ?? Number.POSITIVE_INFINITY)
  const now = busy.get(limit) ?? 0
  if (now >= limit) {
    response.writeHead(429, { 'retry-after': '0.05' }).end()
    return
  }
  busy.set(limit, now + 1)
  setTimeout(() => {
    busy.set(limit, busy.get(limit) - 1)
    response.end('ok')
  }, ms)
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
process.on('disconnect', () => process.exit())
