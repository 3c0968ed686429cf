import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import type { Sink } from 'spindle/sinks'
import { type ObjectStore, openStore } from 'spindle/source'
import { abandoned, failing } from '../../../spindle/test/support/failing-store.ts'
import { S3Server } from '../../../spindle/test/support/s3-server.ts'
import { tries } from '../../../spindle/test/support/tries.ts'
import { COUNT, formats } from './fixtures/job.ts'
import { checkRows } from './fixtures/rows.ts'

// All sinks, in a folder and in a bucket: runs break off at every call, by a crash, a full disk or
// a network cut, and the next run continues.

const home = mkdtempSync(join(tmpdir(), 'matrix-'))
const server = new S3Server()
let endpoint = ''
before(async () => {
  endpoint = await server.listen()
})
after(async () => {
  for (const writer of abandoned) await writer.abort()
  rmSync(home, { recursive: true, force: true })
  await server[Symbol.asyncDispose]()
})

type Format = keyof typeof formats
let places = 0
const folder = (): ObjectStore => openStore(join(home, String(places++)))
const bucket = (): ObjectStore =>
  openStore(`s3://bucket/${places++}`, { endpoint, minDelayMs: 1, maxDelayMs: 1, retries: 1 })

async function write(format: Format, store: ObjectStore): Promise<void> {
  const [sinkOf, itemOf] = formats[format]
  const pipeline = new PipelineBuilder()
    .addSource(Array.from({ length: COUNT }, (_, n) => n))
    .pipe(async (n) => itemOf(n), { concurrency: 3, name: 'make' })
    .build()
  await pipeline.writeTo(sinkOf(store) as Sink<unknown, unknown>, { resume: true })
}

/** Runs until one succeeds. @returns how many failed */
async function untilDone(run: (at: number) => Promise<void>, expected: RegExp): Promise<number> {
  for (let runs = 0; ; runs++) {
    assert.ok(runs < 100, 'no progress')
    try {
      await run(runs)
      return runs
    } catch (error) {
      assert.match(String(error), expected)
    }
  }
}

describe('a run breaks off, and the next one continues', { concurrency: 1 }, () => {
  for (const format of Object.keys(formats) as Format[]) {
    for (const [kind, open] of [
      ['a folder', folder],
      ['a bucket', bucket],
    ] as const)
      it(`${format} in ${kind}: crashes`, async () => {
        for (let first = 1; first <= tries(1); first++) {
          const store = open()
          const runs = await untilDone(
            (at) => write(format, failing(store, first + at * 2, at % 2 === 0)),
            /crash/,
          )
          assert.ok(runs > 2, `${runs} runs failed`)
          await checkRows(format, store)
        }
      })

    it(`${format} in a folder: the disk is full`, async (t) => {
      const store = folder()
      let room = 0
      const handle: FileHandle = await open(process.execPath)
      const files = Object.getPrototypeOf(handle) as FileHandle
      await handle.close()
      const writeThere = files.write
      t.mock.method(files, 'write', function (this: FileHandle, bytes: Uint8Array) {
        room -= bytes.byteLength
        const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
          code: 'ENOSPC',
        })
        if (room < 0) return Promise.reject(full)
        // A disk that is nearly full takes a part.
        return writeThere.call(this, bytes.subarray(0, Math.ceil(bytes.byteLength / 2)) as never)
      } as never)
      const runs = await untilDone(async (at) => {
        room = 1500 * at
        await write(format, store)
      }, /ENOSPC.*make room/)
      assert.ok(runs > 0)
      await checkRows(format, store)
    })

    it(`${format} in a bucket: the network is cut`, async () => {
      const store = bucket()
      let left = 0
      server.fault = () => (left-- > 0 ? undefined : left % 2 === 0 ? 'drop' : 'lose')
      const runs = await untilDone(async (at) => {
        left = 5 + at * 3
        await write(format, store)
      }, /fetch failed|other side closed|ECONNRESET|terminated/)
      server.fault = () => undefined
      assert.ok(runs > 2)
      await checkRows(format, store)
    })
  }
})

describe('names that the place refuses', () => {
  const cases: Record<string, (shard: number) => string> = {
    'a part that is too long': (shard) => `${'n'.repeat(260)}-${shard}`,
    'one that is too long later': (shard) =>
      shard < 999 ? String(shard) : 'n'.repeat(300) + shard,
    'one for several shards': (shard) => String(shard % 10),
    'outside of the place': (shard) => `../${shard}`,
    'control characters': (shard) => `a\n${shard}`,
  }
  for (const [what, name] of Object.entries(cases))
    it(`are refused before anything is written: ${what}`, async () => {
      const { npyShards } = await import('@spindle/io')
      const store = folder()
      const writing = new PipelineBuilder()
        .addSource([Int32Array.of(1)])
        .build()
        .writeTo(npyShards(store, { name }))
      await assert.rejects(writing, { code: 'ERR_BAD_OPTION' })
      for await (const object of store.list()) assert.fail(object.name)
    })

  it('are refused for keys that are too long with the folder of the store', async () => {
    const { npyShards } = await import('@spindle/io')
    const store = openStore(`s3://bucket/${'f'.repeat(1000)}`, { endpoint })
    const writing = new PipelineBuilder()
      .addSource([Int32Array.of(1)])
      .build()
      .writeTo(npyShards(store, { name: (shard) => `shard-with-a-name-${shard}` }))
    await assert.rejects(writing, { code: 'ERR_BAD_OPTION', message: /at most 1024 bytes/ })
  })
})
