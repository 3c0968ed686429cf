import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { TraceEvent } from '../../src/observe/trace-events.ts'
import { checkTrace } from '../observe/trace-rules.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const counting = fileURLToPath(new URL('fixtures/counting.ts', import.meta.url))

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [...NODE_FLAGS, main, 'run', counting, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  })
}

describe('spindle run --trace', () => {
  it('writes the trace of the run', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spindle-trace-'))
    try {
      const file = join(folder, 'out.json')
      const { status, stderr } = run('--trace', file)
      assert.equal(status, 0, stderr)
      const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as {
        traceEvents: TraceEvent[]
      }
      checkTrace(traceEvents)
      assert.ok(traceEvents.some(({ cat }) => cat === 'task'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('says before the run that the file cannot be written', () => {
    const { status, stdout, stderr } = run('--trace', '/no/such/folder/out.json')
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /--trace cannot be written to .*there is no folder/)
    assert.equal(existsSync('/no/such/folder'), false)
  })
})
