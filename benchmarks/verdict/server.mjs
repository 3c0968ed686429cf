// A server that answers after a while: `/20` after 20 ms; `/20?limit=4` refuses with 429 while four
// are being answered.
import { createServer } from 'node:http'

const busy = new Map()
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const limit = Number(url.searchParams.get('limit') ?? Number.POSITIVE_INFINITY)
  const now = busy.get(limit) ?? 0
  if (now >= limit) {
    response.writeHead(429).end()
    return
  }
  busy.set(limit, now + 1)
  setTimeout(
    () => {
      busy.set(limit, busy.get(limit) - 1)
      response.end('ok')
    },
    Number(url.pathname.slice(1)),
  )
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
process.on('disconnect', () => process.exit())
