import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { encodeAudio, type StreamSource, streamAudio, streamVideo } from '../../src/index.ts'
import { runProgram, sourceUrl } from '../child-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-live-'))
after(() => rmSync(folder, { recursive: true }))
const wav = join(folder, 'sound.wav')

before(async () => {
  const sound = {
    data: new Float32Array(48_000),
    dtype: 'float32' as const,
    shape: [48_000],
    sampleRate: 48_000,
  }
  writeFileSync(wav, await encodeAudio(sound as never, { format: 'wav' }))
})

const all = async (
  pieces: AsyncIterable<{ readonly shape: readonly number[] }>,
): Promise<number> => {
  let count = 0
  for await (const { shape } of pieces) count += shape.at(-1)!
  return count
}

describe('a stream that fails before FFmpeg reads it rejects, and ends nothing else', () => {
  const streams: Record<
    string,
    (source: StreamSource) => AsyncIterable<{ readonly shape: readonly number[] }>
  > = {
    streamAudio: (source) => streamAudio(source),
    streamVideo: (source) => streamVideo(source),
  }
  for (const [name, stream] of Object.entries(streams)) {
    it(`${name}: a file that is not there`, async () => {
      await assert.rejects(all(stream(createReadStream(join(folder, 'missing')))), {
        code: 'ERR_READ',
      })
    })

    it(`${name}: a stream that failed before anybody asked for a piece`, async () => {
      const pieces = stream(createReadStream(join(folder, 'missing')))
      await new Promise((resolve) => setTimeout(resolve, 50))
      await assert.rejects(all(pieces), { code: 'ERR_READ', message: /ENOENT/ })
    })

    it(`${name}: a web stream and an iterable that throw`, async () => {
      const web = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(5000))
          controller.error(new Error('mine'))
        },
      })
      await assert.rejects(all(stream(web)), { code: 'ERR_READ', message: /mine/ })
      const iterable = (async function* () {
        yield new Uint8Array(100)
        throw new Error('mine too')
      })()
      await assert.rejects(all(stream(iterable)), { code: 'ERR_READ', message: /mine too/ })
    })

    it(`${name}: a stream that is destroyed without a word`, async () => {
      const stopped = new PassThrough()
      stopped.write(Buffer.alloc(100))
      setImmediate(() => stopped.destroy())
      await assert.rejects(all(stream(stopped)), { code: 'ERR_READ' })
    })

    it(`${name}: a transfer that breaks off`, async () => {
      const server = createServer((_, response) => {
        response.writeHead(200, { 'content-length': 100_000 })
        response.write(Buffer.alloc(1000))
        setTimeout(() => response.destroy(), 20)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/clip`)
      await assert.rejects(all(stream(url)), { code: 'ERR_READ' })
      server.close()
    })
  }
})

describe('what came before FFmpeg did is not lost', () => {
  it('from a child that has ended', async () => {
    const child = spawn(process.execPath, [
      '-e',
      `process.stdout.write(require('fs').readFileSync(${JSON.stringify(wav)}))`,
    ])
    assert.equal(await all(streamAudio(child.stdout)), 48_000)
  })

  it('from a stream that has ended', async () => {
    const { readFileSync } = await import('node:fs')
    assert.equal(await all(streamAudio(Readable.from([readFileSync(wav)]))), 48_000)
  })
})

describe('files and sockets for FFmpeg', () => {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const left = (pid: number): string[] =>
    readdirSync(memory).filter((name) => name.startsWith(`spindle-${pid}-`))
  const program = (end: string): string => `
    import { streamVideo } from ${JSON.stringify(sourceUrl('index'))}
    console.log(process.pid)
    streamVideo(new ReadableStream({})).next().catch(() => {})
    setTimeout(() => { ${end} }, 60)`

  for (const [how, end] of Object.entries({
    'process.exit': 'process.exit(0)',
    'an exception': "throw new Error('x')",
  }))
    it(`are gone when the program ends early, by ${how}`, () => {
      const { stdout } = runProgram(program(end))
      assert.deepEqual(left(Number(stdout)), [])
    })

  it('of a process that was killed are removed by the next one, once they are old', () => {
    const { stdout } = runProgram(program("process.kill(process.pid, 'SIGKILL')"))
    const pid = Number(stdout)
    const [name] = left(pid)
    assert.ok(name !== undefined)
    runProgram(program('process.exit(0)'))
    assert.deepEqual(left(pid), [name])
    utimesSync(join(memory, name), new Date(0), new Date(0))
    runProgram(program('process.exit(0)'))
    assert.deepEqual(left(pid), [])
  })
})
