// npm start      serves on PORT (default 3000):
//   curl --data-binary @photo.jpg http://localhost:3000/thumbnail > thumbnail.jpg
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { makeServer } from './server.js'
import { startThumbnails } from './service.js'

const thumbnails = startThumbnails()
const server = makeServer(thumbnails)
await once(server.listen(Number(process.env.PORT ?? 3000)), 'listening')
console.log(`http://localhost:${(server.address() as AddressInfo).port}/thumbnail takes pictures`)

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    // Takes no more requests, answers those that were accepted, and ends.
    server.close()
    await thumbnails.pipeline.stop({ mode: 'drain', timeoutMs: 10_000 })
    server.closeAllConnections()
  })
