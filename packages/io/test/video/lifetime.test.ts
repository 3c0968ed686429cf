import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { ThreadPool, workerModule } from 'spindle'
import { loadVideo, sampleVideo, streamVideo } from '../../src/index.ts'
import { loadVideoSync } from '../../src/sync.ts'
import { type Ended, runProgram, sourceUrl } from '../child-program.ts'
import type * as Ops from '../fixtures/video-ops.ts'
import { scratch, video } from './video-support.ts'

const ops = workerModule<typeof Ops>(new URL('../fixtures/video-ops.ts', import.meta.url).href)

describe('the lifetime of what decodes', () => {
  const { folder, remove } = scratch()
  after(remove)
  const [short, long] = [video('short.mp4'), video('long.mp4')]

  /** Runs a module in a process of its own, which must end by itself. */
  function child(source: string): Ended {
    const preamble = `
      import { createReadStream, readFileSync } from 'node:fs'
      import { loadVideo, probe, sampleVideo, streamAudio, streamVideo } from ${JSON.stringify(sourceUrl('index'))}
      import { loadVideoSync, probeSync, sampleVideoSync, streamVideoSync } from ${JSON.stringify(sourceUrl('sync'))}
      const [short, long] = ${JSON.stringify([short, long])};`
    return runProgram(preamble + source, '--expose-gc')
  }

  it('a program that loads video ends by itself, prints nothing, and leaves nothing where bytes are put for FFmpeg', () => {
    const { status, stdout, stderr } = child(`
      const { existsSync, readdirSync } = await import('node:fs')
      const mine = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0)
      const before = mine()

      await loadVideo(short); loadVideoSync(readFileSync(short)); await probe(short); probeSync(short)
      await sampleVideo(short, { count: 2 })
      for await (const _ of streamVideo(short, { framesPerChunk: 10 })) break
      for (const _ of streamVideoSync(short, { framesPerChunk: 10 })) break
      await streamVideo(createReadStream(short)).next().catch(() => {})
      const bytes = readFileSync(short)
      for (let i = 0; i < 40; i++) { loadVideoSync(bytes); for (const _ of streamVideoSync(bytes)) break }
      process.stdout.write(mine() < before + 40 ? 'done' : 'files are open')`)
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'done', stderr: '' })
  })

  it('process.exit and an exception are clean while video is decoded', () => {
    const busy = `
      const all = [loadVideo(long, { width: 64 }), sampleVideo(long, { count: 99, width: 64 }), loadVideo(long, { window: [3, 9], width: 64 })]
      for (const one of all) one.catch(() => {})
      await streamVideo(long, { framesPerChunk: 2, width: 64 }).next();`
    assert.equal(child(`${busy} process.exit(3)`).status, 3)
    const thrown = child(`${busy} throw new Error('on purpose')`)
    assert.equal(thrown.status, 1)
    assert.match(thrown.stderr, /on purpose/)
  })

  it('an aborted call ends while it decodes, and the thread goes on with others', async () => {
    const works = [
      (signal: AbortSignal) => loadVideo(long, { signal, width: 64 }),
      (signal: AbortSignal) => sampleVideo(long, { signal, every: 1, width: 64 }),
    ]
    for (const work of works) {
      const controller = new AbortController()
      const reason = new Error('no longer')
      await loadVideo(short) // so that a thread is there
      const call = work(controller.signal)
      await new Promise(setImmediate) // whether it has begun or waits: it takes a hundred times as long
      controller.abort(reason)
      await assert.rejects(call, reason)
      assert.equal((await loadVideo(short)).shape[0], 25)
    }
    let frames = 0
    const controller = new AbortController()
    const all = (async () => {
      for await (const chunk of streamVideo(long, {
        framesPerChunk: 10,
        signal: controller.signal,
      })) {
        frames += chunk.shape[0]!
        if (frames === 30) controller.abort('seen enough')
      }
    })()
    await assert.rejects(all, (reason) => reason === 'seen enough')
    assert.equal(frames, 30)
  })

  it('a thread that dies between decoding is replaced, and the call made again', async () => {
    await using pool = new ThreadPool({ size: 1, graceMs: 0 })
    const { signal } = new AbortController()
    const call = { filename: ops.decodeThenDie.href, name: 'decodeThenDie', signal }
    const marker = `${folder}/died`
    const shape = await pool.run({ path: short, marker }, call)
    assert.deepEqual(shape, [25, 64, 96, 3])
    assert.equal(pool.stats().deaths, 1)
  })

  it('a generator of chunks in a worker thread is pulled with back-pressure, and closed', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const { signal } = new AbortController()
    const call = { filename: ops.chunks.href, name: 'chunks', signal }
    const chunks = (await pool.run(short, call)) as AsyncGenerator<number>
    let seen = 0
    for await (const frames of chunks) {
      seen += frames
      if (seen >= 10) break
    }
    assert.equal(seen, 10)
    assert.deepEqual(
      await pool.run(undefined, { filename: ops.opened.href, name: 'opened', signal }),
      [0],
    )
  })

  it('does not grow', () => {
    const { status, stdout, stderr } = child(`
      const bytes = readFileSync(short)
      const size = { width: 48, height: 48 }
      const round = async () => {
        for (let i = 0; i < 30; i++) {
          loadVideoSync(i % 2 ? bytes : short, { ...size, layout: 'NCHW' })
          sampleVideoSync(short, { ...size, indices: [3, 20] })
          loadVideoSync(short, { ...size, window: [0.5, 0.7], frameRate: 30 })
          for (const _ of streamVideoSync(short, { framesPerChunk: 4, ...size })) break
          try { loadVideoSync(bytes.subarray(0, bytes.length >> 1), size) } catch {}
          if (i % 10 === 0) await new Promise(setImmediate)
        }
        globalThis.gc()
        await new Promise((resolve) => setTimeout(resolve, 5))
        globalThis.gc()
        return process.memoryUsage().rss / 2 ** 20
      }
      // Until a round grows no more; a decoder that is lost with each clip would make each grow by
      // 50 MiB.
      let [last, grown, rounds] = [await round(), Infinity, 0]
      while (grown > 4 && rounds++ < 12) {
        const now = await round()
        grown = now - last
        last = now
      }
      process.stdout.write(String(Math.round(grown)))`)
    assert.equal(status, 0, stderr)
    assert.ok(Number(stdout) <= 4, `still growing by ${stdout} MiB a round`)
  })

  it('threads of decoders and threads that decode are one budget: told once where they are too many', () => {
    const { status, stderr } = child(`
      const { availableParallelism } = await import('node:os')
      const threads = Math.min(64, availableParallelism() + 1)
      for (let i = 0; i < 2; i++) await loadVideo(short, { threads })`)
    assert.equal(status, 0)
    assert.equal(stderr.match(/SPINDLE_VIDEO_THREADS/g)?.length, 1)
    const { data } = loadVideoSync(short, { threads: 2 })
    assert.deepEqual(data, loadVideoSync(short).data)
  })

  it('what is loaded is the caller’s: an ordinary buffer, or a shared one', async () => {
    const video = await loadVideo(short, { numFrames: 3 })
    assert.ok(video.data.buffer instanceof ArrayBuffer)
    const shared = loadVideoSync(short, { numFrames: 3, shared: true })
    assert.ok((shared.data.buffer as unknown) instanceof SharedArrayBuffer)
    assert.deepEqual(video.data, new Uint8Array(shared.data))
  })
})
