import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { runChild } from '../support/child.ts'
import { times } from '../support/tries.ts'
import { checkAfterCrash, checkComplete, runJob } from './fixtures/job.ts'

const home = mkdtempSync(join(tmpdir(), 'checkpoint-kill-'))
after(() => rmSync(home, { recursive: true, force: true }))

// `npm test -- --long` kills it at every call.
const STEP = times > 1 ? 1 : 27
const CALLS = 150

describe('a process that writes a folder', { concurrency: 2 }, () => {
  const fixtures = pathToFileURL(join(import.meta.dirname, 'fixtures/')).href
  const child = (form: 'runJob' | 'runJobSync', folder: string, killAt: number) => `
    import { interceptFs } from '${fixtures}fs-calls.js'
    import { runJob, runJobSync } from '${fixtures}job.js'
    import { writeSync } from 'node:fs'
    let calls = 0
    interceptFs(({ perform }) => {
      if (++calls === ${killAt}) process.kill(process.pid, 'SIGKILL')
      return perform()
    })
    await ${form}(${JSON.stringify(folder)}, (next) => writeSync(1, next + '\\n'))
  `
  for (const [form, first] of [
    ['runJob', 5],
    ['runJobSync', 15],
  ] as const) {
    for (let killAt = first; killAt < CALLS; killAt += STEP) {
      it(`is killed at the ${killAt}th call of ${form}, and another completes it`, async () => {
        const folder = join(home, `${form}-${killAt}`)
        const killed = await runChild(child(form, folder, killAt))
        assert.equal(killed.stderr, '')
        assert.equal(killed.signal, 'SIGKILL')
        checkAfterCrash(folder, Number(killed.stdout.trim().split('\n').at(-1)))
        await runJob(folder)
        checkComplete(folder)
      })
    }
  }
})
