import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createReadStream, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import {
  type LoadVideoOptions,
  type StreamSource,
  type StreamVideoOptions,
  streamVideo,
  type VideoArray,
} from '../../src/index.ts'
import { loadVideoSync, streamVideoSync } from '../../src/sync.ts'
import { scratch, video } from './video-support.ts'

async function chunksOf(source: StreamSource, options: StreamVideoOptions): Promise<VideoArray[]> {
  const chunks: VideoArray[] = []
  for await (const chunk of streamVideo(source, options)) chunks.push(chunk as VideoArray)
  return chunks
}

/** Whether chunks, one behind the other, are an array. */
function areTogether(
  chunks: readonly VideoArray[],
  whole: VideoArray,
  framesPerChunk: number,
): void {
  const total = whole.shape[0]!
  assert.deepEqual(
    chunks.map(({ shape }) => shape[0]),
    Array.from({ length: Math.ceil(total / framesPerChunk) }, (_, i) =>
      Math.min(framesPerChunk, total - i * framesPerChunk),
    ),
  )
  assert.ok(Buffer.concat(chunks.map(({ data }) => data)).equals(whole.data))
  assert.deepEqual(
    chunks.flatMap(({ timestampsSec }) => [...timestampsSec]),
    [...whole.timestampsSec],
  )
}

describe('streamVideo', () => {
  const [mp4, ts] = [video('front.mp4'), video('h264.m2t')]

  it('chunks, one behind the other, are what loadVideo gives, whatever their size', async () => {
    for (const framesPerChunk of [1, 7, 25, 75, 100]) {
      for (const options of [
        {},
        { window: [0.5, 1.7] },
        { frameRate: 40 },
        { frameRate: 10, window: [1, 3] },
      ] as const) {
        const whole = loadVideoSync<LoadVideoOptions>(mp4, options) as VideoArray
        areTogether(
          [
            ...streamVideoSync(mp4, { ...options, framesPerChunk } as StreamVideoOptions),
          ] as VideoArray[],
          whole,
          framesPerChunk,
        )
        if (framesPerChunk === 7) {
          areTogether(
            await chunksOf(mp4, { ...options, framesPerChunk } as StreamVideoOptions),
            whole,
            framesPerChunk,
          )
        }
      }
    }
    const dropped = [...streamVideoSync(mp4, { framesPerChunk: 50, dropLast: true })]
    assert.equal(dropped.length, 1)
  })

  it('streams of Node, of the web, of a generator, and URLs give the same', async () => {
    const whole = loadVideoSync(ts)
    const bytes = readFileSync(ts)
    const server = createServer((_, response) => void response.end(bytes)).listen(0)
    await new Promise((resolve) => server.once('listening', resolve))
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
    }
    const sources: StreamSource[] = [
      createReadStream(ts),
      Readable.toWeb(createReadStream(ts)) as ReadableStream<Uint8Array>,
      pieces(),
      new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.m2t`),
      new Blob([bytes]),
    ]
    for (const source of sources)
      areTogether(await chunksOf(source, { framesPerChunk: 20 }), whole, 20)
    server.close()
    areTogether(
      await chunksOf(createReadStream(mp4), { framesPerChunk: 20 }),
      loadVideoSync(mp4),
      20,
    )
  })

  const hasPipes = spawnSync('mkfifo', ['--version']).error === undefined
  it('a named pipe is read while it is written', {
    skip: !hasPipes && 'no mkfifo here',
  }, async () => {
    const { folder, remove } = scratch()
    const fifo = join(folder, 'pipe')
    try {
      assert.equal(spawnSync('mkfifo', [fifo]).status, 0)
      const chunks = chunksOf(fifo, { framesPerChunk: 20 })
      // Opening it waits for the reader: in a thread of its own, of Node's.
      await Promise.all([writeFile(fifo, readFileSync(ts)), chunks])
      areTogether(await chunks, loadVideoSync(ts), 20)
    } finally {
      remove()
    }
  })

  it('what never ends is ended by leaving the loop, and the stream with it', async () => {
    const bytes = readFileSync(ts)
    const source = new Readable({ read() {} })
    source.push(bytes)
    let isCancelled = false
    const web = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes),
      cancel: () => {
        isCancelled = true
      },
    })
    for (const endless of [source, web]) {
      let frames = 0
      for await (const chunk of streamVideo(endless, { framesPerChunk: 10 })) {
        frames += chunk.shape[0]!
        if (frames === 30) break
      }
      assert.equal(frames, 30)
    }
    assert.deepEqual([source.destroyed, isCancelled], [true, true])
  })

  it('a signal ends what waits for input that does not come, with its reason', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let reads = 0
    const source = new Readable({
      read() {
        if (reads++ === 0) this.push(readFileSync(ts).subarray(0, 20_000))
        else setImmediate(() => controller.abort(reason)) // what was pushed has gone to the thread
      },
    })
    const chunks = chunksOf(source, { signal: controller.signal })
    await assert.rejects(chunks, reason)
    assert.equal(source.destroyed, true)
    await assert.rejects(chunksOf(mp4, { signal: controller.signal }), reason)
  })

  it('a stream that fails gives what came before, and then its failure', async () => {
    const bytes = readFileSync(ts)
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, bytes.length >> 1)
      throw new Error('the camera fell down')
    }
    let frames = 0
    const all = (async () => {
      for await (const chunk of streamVideo(failing(), { framesPerChunk: 5, strict: false }))
        frames += chunk.shape[0]!
    })()
    await assert.rejects(all, { code: 'ERR_READ', message: /stream: the camera fell down/ })
    assert.ok(frames > 10, `${frames} frames`)
  })

  it('damage is thrown after the frames before it', async () => {
    const bytes = readFileSync(mp4)
    const cut = bytes.subarray(0, bytes.length * 0.6)
    const whole = loadVideoSync(mp4)
    let frames = 0
    const all = (async () => {
      for await (const { data, shape } of streamVideo(cut, { framesPerChunk: 10 })) {
        const at = frames * 96 * 64 * 3
        assert.ok(Buffer.from(whole.data.subarray(at, at + data.length)).equals(data))
        frames += shape[0]!
      }
    })()
    await assert.rejects(all, { code: 'ERR_DECODE', source: `${cut.length} bytes` })
    assert.ok(frames > 20 && frames < 75, `${frames} frames`)
  })

  it('in a pipeline chunks come one by one, and stopping it closes the decoder', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([mp4, ts, mp4])
      .pipe((path: string) => streamVideo(path, { framesPerChunk: 25, height: 32 }), {
        name: 'chunks',
      })
      .build()
    let chunks = 0
    for await (const chunk of pipeline) {
      assert.deepEqual(chunk.shape.slice(1), [32, 48, 3])
      chunks += 1
      if (chunks === 7) break
    }
    await pipeline.stop({ mode: 'abort' })
    assert.equal(chunks, 7)
  })

  it('options are checked when it is called', () => {
    assert.throws(() => streamVideo(mp4, { framesPerChunk: 0 }), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => streamVideo(7 as never), {
      message: /a path, URL, bytes, Blob, or a stream of bytes/,
    })
    assert.throws(() => streamVideoSync(mp4, { threads: 0 }), {
      message: /`threads` must be an integer from 1 to 64/,
    })
  })
})
