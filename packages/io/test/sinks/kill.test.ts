import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openStore } from 'spindle/source'
import { runChild } from '../../../spindle/test/support/child.ts'
import { S3Server } from '../../../spindle/test/support/s3-server.ts'
import { times } from '../../../spindle/test/support/tries.ts'
import { formats } from './fixtures/job.ts'
import { checkRows } from './fixtures/rows.ts'

const home = mkdtempSync(join(tmpdir(), 'sink-kill-'))
const server = new S3Server()
let endpoint = ''
before(async () => {
  endpoint = await server.listen()
})
after(async () => {
  rmSync(home, { recursive: true, force: true })
  await server[Symbol.asyncDispose]()
})

// `npm test -- --long` kills it at every call.
const STEP = times > 1 ? 1 : 11

describe('a process that writes shards is killed, and another one continues', {
  concurrency: 2,
}, () => {
  const module = pathToFileURL(join(import.meta.dirname, 'fixtures/job.js')).href
  for (const [at, format] of (Object.keys(formats) as (keyof typeof formats)[]).entries())
    for (const isRemote of times > 1 ? [false, true] : [at % 2 === 1])
      it(`${format} in ${isRemote ? 'a bucket' : 'a folder'}`, async () => {
        const place = isRemote ? `s3://bucket/${format}` : join(home, format)
        const there = isRemote ? endpoint : undefined
        const args = (killAt: number) => JSON.stringify([format, place, there ?? null, killAt])
        let kills = 0
        for (let killAt = 4; ; killAt += STEP) {
          const { signal, stderr, code } = await runChild(`
            import { runJob } from '${module}'
            const [format, place, endpoint, killAt] = ${args(killAt)}
            await runJob(format, place, endpoint ?? undefined, killAt)
          `)
          if (signal === null) {
            assert.deepEqual([code, stderr], [0, ''])
            break
          }
          assert.equal(signal, 'SIGKILL')
          kills++
        }
        assert.ok(kills >= 2, `${kills} kills`)
        const store = openStore(place, there === undefined ? {} : { endpoint: there })
        await checkRows(format, store)
      })
})
