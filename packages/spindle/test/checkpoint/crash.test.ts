import assert from 'node:assert/strict'
import fs, { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type FsCall, interceptFs, never } from './fixtures/fs-calls.ts'
import { checkAfterCrash, checkComplete, runJob, runJobSync } from './fixtures/job.ts'

const home = mkdtempSync(join(tmpdir(), 'checkpoint-crash-'))
after(() => rmSync(home, { recursive: true, force: true }))
let folders = 0
const newFolder = () => join(home, String(folders++), 'output')

/**
 * How a call ends the process: before it is made (in the midst of it, where it writes), or after
 * it.
 */
const WAYS = ['before', 'after'] as const

/**
 * Runs a job in which the `count`-th call is the last. Gives whether it came to that, and the last
 * commit that came back.
 */
async function crash(
  job: (committed: (next: number) => void) => void | Promise<void>,
  count: number,
  way: (typeof WAYS)[number],
): Promise<{ didCrash: boolean; acknowledged: number }> {
  const open = new Set<number>()
  let calls = 0
  let acknowledged = 0
  let died = () => {}
  const death = new Promise<void>((resolve) => {
    died = resolve
  })
  let isDead = false
  const end = interceptFs((call) => {
    if (isDead) throw never
    if (++calls < count) return track(call, open)
    isDead = true
    if (way === 'after') made(() => track(call, open))
    else if (call.name === 'writev')
      fs.writeSync(call.args[0], call.args[1][0].subarray(0, call.args[1][0].byteLength / 2))
    died()
    throw never
  })
  try {
    await Promise.race([
      (async () =>
        job((next) => {
          acknowledged = next
        }))(),
      death,
    ])
  } catch (error) {
    if (!isDead) throw error
  } finally {
    end()
    for (const fd of open) fs.closeSync(fd)
  }
  return { didCrash: isDead, acknowledged }
}

/** Whether it was made with success is told to nobody. */
function made(call: () => void): void {
  try {
    call()
  } catch {}
}

/** Nothing needs to be on the disk where only the process ends. */
function track(call: FsCall, open: Set<number>): unknown {
  if (call.name === 'fsync') return undefined
  const result = call.perform()
  if (call.name === 'open') open.add(result)
  if (call.name === 'close') open.delete(call.args[0])
  return result
}

describe('a folder whose writer ends at any call', { concurrency: false }, () => {
  for (const [form, job] of [
    [
      'synchronous',
      (folder: string) => (committed: (next: number) => void) => runJobSync(folder, committed),
    ],
    [
      'with promises',
      (folder: string) => (committed: (next: number) => void) => runJob(folder, committed),
    ],
  ] as const) {
    // Synchronously, after one call is before the next.
    for (const way of form === 'synchronous' ? (['before'] as const) : WAYS) {
      it(`shows what is committed and no more, and is completed by the next run: ${form}, ${way} the call`, async () => {
        let count = 1
        for (; ; count++) {
          const folder = newFolder()
          const { didCrash, acknowledged } = await crash(job(folder), count, way)
          if (!didCrash) break
          checkAfterCrash(folder, acknowledged)
          await crash(job(folder), Number.POSITIVE_INFINITY, way)
          checkComplete(folder)
        }
        assert.ok(count > 100, `only ${count} calls`)
      })
    }

    it(`is completed though run after run ends a few calls later: ${form}`, async () => {
      for (const start of [7, 19, 20, 21, 23]) {
        const folder = newFolder()
        let runs = 0
        for (let count = start; ; count++, runs++) {
          const { didCrash, acknowledged } = await crash(job(folder), count, 'after')
          if (!didCrash) break
          checkAfterCrash(folder, acknowledged)
        }
        assert.ok(runs > 3, `only ${runs} runs`)
        checkComplete(folder)
      }
    })
  }
})
