import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFile } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  decode,
  demux,
  loadVideo,
  streamFrames,
  streamPackets,
  streamVideo,
  type VideoArray,
} from '../../src/index.ts'
import { Demuxer } from '../../src/media.ts'
import { runProgram, sourceUrl } from '../child-program.ts'
import { serveRanges } from '../serve-ranges.ts'
import { VIDEOS } from '../video/made-videos.ts'

const clip = VIDEOS.mp4!()
const folder = mkdtempSync(join(tmpdir(), 'spindle-web-'))
after(() => rmSync(folder, { recursive: true }))
let server: Server
let base = ''
let answer: RequestListener
const asked: string[] = []

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.on('error', () => {})
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const at = (path: string): URL => new URL(path, base)

const NAMES = ['/list.m3u8', '/list.m3u8', '/list.ffconcat', '/list.mpd', '/list.sdp']

const count = async (items: AsyncIterable<object>): Promise<number> => {
  let all = 0
  for await (const item of items) all += (item as { length?: number }).length ?? 1
  return all
}

describe('a web address', () => {
  it('is read as the file is, with parts and as a whole', async () => {
    const whole = await decode(clip, { pixelFormat: 'rgb24' })
    const wholly: RequestListener = (_, response) => response.end(clip)
    for (const way of [serveRanges(clip), wholly]) {
      answer = way
      assert.deepEqual((await decode(at('/a.mp4'), { pixelFormat: 'rgb24' }))?.array, whole!.array)
      assert.equal((await demux(at('/a.mp4'))).length, 30)
      assert.equal(await count(streamPackets(at('/a.mp4'), { packetsPerChunk: 7 })), 30)
      assert.equal(await count(streamFrames(at('/a.mp4'), { framesPerChunk: 10 })), 3)
    }
    answer = serveRanges(clip)
    const some = await demux(at('/a.mp4'), { window: [1, 1.5] })
    assert.equal(some.length, 5)
  })

  it('is fetched as all loaders fetch: headers, limits, and the answer by its number', async () => {
    let seen: unknown
    answer = (request, response) => {
      seen = [request.headers['x-key'], request.headers['x-own']]
      serveRanges(clip)(request, response)
    }
    await demux(at('/a.mp4'), {
      headers: { 'x-key': 'one' },
      formatOptions: { headers: 'X-Own: two\r\n' },
    })
    assert.deepEqual(seen, ['one', 'two'])
    await assert.rejects(demux(at('/a.mp4'), { maxBytes: 1000 }), {
      code: 'ERR_TOO_LARGE',
      message: /a\.mp4: .*`maxBytes` \(1000\)/,
    })
    answer = (_, response) => response.writeHead(404).end()
    for (const call of [
      () => demux(at('/a.mp4')),
      () => decode(at('/a.mp4')),
      () => streamFrames(at('/a.mp4')).next(),
    ])
      await assert.rejects(call, { code: 'ERR_READ', message: /the server answered 404/ })
  })

  it('that answers with a list of others has none of them asked for', async () => {
    const lists = [
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="${base}/key"\n#EXTINF:1,\n${base}/other.ts\n#EXT-X-ENDLIST\n`,
      `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${base}/other.m3u8\n`,
      `ffconcat version 1.0\nfile ${base}/other.ts\n`,
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="0" bandwidth="1"><BaseURL>${base}/other.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n',
    ]
    for (const [i, list] of lists.entries()) {
      for (const name of [NAMES[i]!, '/list.mp4']) {
        answer = serveRanges(Buffer.from(list))
        asked.length = 0
        await assert.rejects(demux(at(name)), { code: /ERR_DECODE|ERR_UNSUPPORTED/ })
        await assert.rejects(loadVideo(Buffer.from(list)), { code: /ERR_DECODE|ERR_UNSUPPORTED/ })
        assert.deepEqual(new Set(asked), new Set([name]), `list ${i}`)
      }
      await assert.rejects(streamVideo(at('/list')).next(), { code: /ERR_DECODE|ERR_UNSUPPORTED/ })
      assert.ok(!asked.some((path) => /other|key/.test(path)))
    }
  })
})

describe('a web server that says nothing', () => {
  // The system takes connections; nobody answers them.
  const silent = createTcp((socket) => socket.on('error', () => {}))
  let url: URL
  before(async () => {
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    url = new URL(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/a.mp4`)
  })
  after(() => silent.close())

  it('is waited for no longer than `timeoutMs`', async () => {
    const options = { timeoutMs: 50, retries: 0 }
    await assert.rejects(demux(url, options), { code: 'ERR_READ' })
    await assert.rejects(decode(url, options), { code: 'ERR_READ' })
    await assert.rejects(streamVideo(url, options).next(), { code: 'ERR_READ' })
    assert.throws(() => new Demuxer(url, { timeoutMs: 50 }), {
      code: 'ERR_DECODE',
      message: /timed out/,
    })
  })

  it('frees the threads when calls are aborted', async () => {
    const abort = new AbortController()
    const calls = Array.from({ length: availableParallelism() + 2 }, (_, i) =>
      i % 2 === 0
        ? demux(url, { signal: abort.signal })
        : streamFrames(url, { signal: abort.signal }).next(),
    )
    const results = Promise.allSettled(calls)
    await new Promise((resolve) => setTimeout(resolve, 100))
    abort.abort(new Error('enough'))
    for (const result of await results)
      assert.equal(result.status === 'rejected' && (result.reason as Error).message, 'enough')
    assert.equal((await loadVideo(clip, { height: 24 })).shape[0], 30)
  })

  it('does not hold the end of the process', async () => {
    const pipe = join(folder, 'pipe')
    const hasPipe = spawnSync('mkfifo', [pipe]).status === 0
    const call = `
      import { demux, streamAudio, streamFrames, streamVideo } from ${JSON.stringify(sourceUrl('index'))}
      const url = new URL(${JSON.stringify(url.href)})
      const never = () => {}
      for (let i = 0; i < 3; i++) demux(url).catch(never)
      streamFrames(url).next().catch(never)
      streamVideo(new ReadableStream({})).next().catch(never)
      streamAudio(new ReadableStream({})).next().catch(never)
      if (${hasPipe}) streamVideo(${JSON.stringify(pipe)}).next().catch(never)
      setTimeout(() => process.exit(7), 500)`
    const { status, stderr } = runProgram(call)
    assert.equal(status, 7, stderr)
  })
})

it('a pipe that has a name is read as it is written', async (t) => {
  const pipe = join(folder, 'written')
  if (spawnSync('mkfifo', [pipe]).status !== 0) return t.skip('no mkfifo here')
  const frames = streamVideo(pipe, { height: 24, framesPerChunk: 30 }).next()
  writeFile(pipe, VIDEOS.matroska!(), (error) => assert.ifError(error))
  assert.equal(((await frames).value as VideoArray).shape[0], 30)
})
