import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { tries } from '../support/tries.ts'
import { Disk } from './fixtures/disk.ts'
import { interceptFs } from './fixtures/fs-calls.ts'
import { checkAfterCrash, checkComplete, runJob, runJobSync } from './fixtures/job.ts'

const home = mkdtempSync(join(tmpdir(), 'checkpoint-power-'))
after(() => rmSync(home, { recursive: true, force: true }))
const CASES = tries(1)

describe('a folder whose machine loses its power', { concurrency: false }, () => {
  for (const [form, job] of [
    ['synchronous', runJobSync],
    ['with promises', runJob],
  ] as const) {
    it(`holds what was acknowledged, shows nothing that was not committed, and is completed: ${form}`, async () => {
      mkdirSync(join(home, form))
      const disk = new Disk(join(home, form))
      const end = interceptFs((call) => disk.perform(call))
      await job(join(home, form, 'output'), (next) => disk.acknowledge(next))
      end()
      // The rest runs without a cut.
      const endQuick = interceptFs(({ name, perform }) =>
        name === 'fsync' ? undefined : perform(),
      )
      try {
        for (let length = 0; length <= disk.length; length++) {
          for (let one = 0; one < CASES; one++) {
            const root = join(home, `${form}-${length}-${one}`)
            const acknowledged = disk.restore(length, randomFrom(length * 1000 + one), root)
            checkAfterCrash(join(root, 'output'), acknowledged)
            await job(join(root, 'output'))
            checkComplete(join(root, 'output'))
            rmSync(root, { recursive: true, force: true })
          }
        }
      } finally {
        endQuick()
      }
    })
  }
})

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
