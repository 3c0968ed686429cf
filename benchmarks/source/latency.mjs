// Reading ahead of a server that is far away: streamUrl with `readAheadBytes`, one request, and
// curl with eight connections, from a server in another process that waits 50 ms before each answer
// and sends at most 16 MB a second over each connection.
//   npm run build
//   node benchmarks/source/latency.mjs --mb 256 --rounds 3       about 2 minutes; needs curl
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { streamUrl } from 'spindle/source'

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '3' },
    serve: { type: 'boolean', default: false },
  },
})
const SIZE = Number(values.mb) * 1_000_000
const LATENCY_MS = 50
const RATE = 16_000_000

if (values.serve) await serve()
else await race()

async function serve() {
  const piece = Buffer.alloc(1 << 16)
  const server = createServer(async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, LATENCY_MS))
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(from ?? 0)
    const end = to ? Math.min(SIZE, Number(to) + 1) : SIZE
    response.writeHead(from === undefined ? 200 : 206, {
      etag: '"1"',
      'content-length': end - start,
      ...(from !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${SIZE}` }),
    })
    const begin = performance.now()
    const pieces = async function* () {
      for (let at = start; at < end; at += piece.length) {
        const waitMs = begin + ((at - start) / RATE) * 1000 - performance.now()
        if (waitMs > 2) await new Promise((resolve) => setTimeout(resolve, waitMs))
        yield piece.subarray(0, Math.min(piece.length, end - at))
      }
    }
    await pipeline(Readable.from(pieces()), response).catch(() => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send(server.address().port)
}

async function race() {
  const server = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), '--serve', '--mb', values.mb],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  )
  const [port] = await once(server, 'message')
  const url = `http://127.0.0.1:${port}/x.tar`
  const contestants = {
    'curl, 8 connections': () => curl(url),
    'streamUrl, 32 MiB ahead': () => stream(url, 32 * 1024 * 1024),
    'streamUrl, one request': () => stream(url, 0),
  }
  const taken = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
  try {
    for (let round = 0; round < Number(values.rounds); round++)
      for (const [name, read] of Object.entries(contestants)) {
        const begin = performance.now()
        await read()
        taken[name].push(SIZE / 1e3 / (performance.now() - begin))
      }
  } finally {
    server.kill()
  }
  const medians = Object.entries(taken).map(([name, all]) => [
    name,
    all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)],
  ])
  for (const [name, mbPerSec] of medians)
    console.log(
      `${name.padEnd(26)} ${mbPerSec.toFixed(1).padStart(7)} MB/s  ${(mbPerSec / medians[0][1]).toFixed(2)}`,
    )
}

async function stream(url, readAheadBytes) {
  let bytes = 0
  for await (const piece of streamUrl(url, { readAheadBytes })) bytes += piece.length
  if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes`)
}

/** Eight at a time, each a range of 4 MiB, as reading ahead asks for them. */
function curl(url) {
  const parts = []
  for (let at = 0; at < SIZE; at += 4 << 20)
    parts.push(
      '-r',
      `${at}-${Math.min(SIZE, at + (4 << 20)) - 1}`,
      '-o',
      '/dev/null',
      url,
      '--next',
    )
  const args = ['-s', '--parallel', '--parallel-max', '8', ...parts.slice(0, -1)]
  return new Promise((resolve, reject) => {
    const child = spawn('curl', args, { stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`curl: ${code}`))))
  })
}
