import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { encodeNpy, loadNpy, npyFile } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import type { WrittenFile } from 'spindle/sinks'
import { runChild } from '../../../spindle/test/support/child.ts'
import { times } from '../../../spindle/test/support/tries.ts'
import { appendRows } from './fixtures/append.ts'

const folder = mkdtempSync(join(tmpdir(), 'npy-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const place = (): string => join(folder, `${files++}.npy`)

const ROWS = 40
const all = encodeNpy({
  data: Float32Array.from({ length: ROWS * 3 }, (_, n) => n),
  dtype: 'float32',
  shape: [ROWS, 3],
})

describe('npyFile', () => {
  it('writes the file that encodeNpy would', async () => {
    const path = place()
    const written = await appendRows(path, ROWS)
    assert.deepEqual(written, { path, count: ROWS, bytes: ROWS * 12 })
    assert.ok(all.every((byte, at) => byte === readFileSync(path)[at]))
    assert.equal(readFileSync(path).length, all.length)
    assert.deepEqual(await appendRows(path, ROWS), written, 'a run that is complete')
    await assert.rejects(appendRows(path, ROWS, { resume: false }), { code: 'ERR_EXISTS' })
  })

  it('continues where the last commit was, whatever is behind it', async () => {
    for (const failAt of [1, 5, 17, 39]) {
      const path = place()
      await assert.rejects(appendRows(path, ROWS, { failAt }), /as asked/)
      if (existsSync(path)) {
        const { shape } = await loadNpy(path).catch(() => ({ shape: [0] }))
        assert.ok((shape[0] as number) <= failAt, 'a valid file after each commit')
        appendFileSync(path, 'written, and not committed')
      }
      await appendRows(path, ROWS)
      assert.deepEqual(readFileSync(path), Buffer.from(all))
    }
  })

  it('refuses a file of somebody else, a second writer, and a file that was changed', async () => {
    const foreign = place()
    writeFileSync(foreign, 'x')
    for (const resume of [true, false])
      await assert.rejects(appendRows(foreign, ROWS, { resume }), { code: 'ERR_EXISTS' })
    assert.equal(readFileSync(foreign, 'utf8'), 'x')
    const path = place()
    const first = appendRows(path, ROWS, { pauseMs: 2 })
    await new Promise((resolve) => setTimeout(resolve, 10))
    await assert.rejects(appendRows(path, ROWS), { code: 'ERR_CHECKPOINT_TAKEN' })
    await first
    const cut = place()
    await assert.rejects(appendRows(cut, ROWS, { failAt: 30 }), /as asked/)
    truncateSync(cut, 200)
    await assert.rejects(appendRows(cut, ROWS), { code: 'ERR_BAD_CHECKPOINT', message: /changed/ })
    for (const bad of ['s3://bucket/x.npy', '', 5])
      assert.throws(() => npyFile(bad as string), { code: 'ERR_BAD_OPTION' })
  })

  it('refuses batches that do not fit, and makes no file of nothing', async () => {
    const path = place()
    const writing = new PipelineBuilder()
      .addSource([Float32Array.of(1), Int8Array.of(1)])
      .build()
      .writeTo(npyFile(path))
    await assert.rejects(writing, { code: 'ERR_BAD_OPTION', message: /float32/ })
    const empty = place()
    const none = await new PipelineBuilder()
      .addSource([] as Float32Array[])
      .build()
      .writeTo(npyFile(empty))
    assert.equal((none as WrittenFile).count, 0)
    assert.ok(!existsSync(empty))
  })

  it('is exact after kills', async () => {
    const module = pathToFileURL(join(import.meta.dirname, 'fixtures/append.js')).href
    const path = place()
    let kills = 0
    for (let killAt = 7; ; killAt += times > 1 ? 1 : 9) {
      const { signal, stderr, code } = await runChild(`
        import { appendRows } from '${module}'
        await appendRows(${JSON.stringify(path)}, ${ROWS}, { killAt: ${killAt} })
      `)
      if (signal === null) {
        assert.deepEqual([code, stderr], [0, ''])
        break
      }
      kills++
    }
    assert.ok(kills > 1)
    assert.deepEqual(readFileSync(path), Buffer.from(all))
  })
})
