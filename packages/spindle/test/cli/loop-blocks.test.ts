import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PipelineStats } from '../../src/engine/stats/pipeline-stats.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const blocking = fileURLToPath(new URL('fixtures/blocking.ts', import.meta.url))

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [...NODE_FLAGS, main, 'run', blocking, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  })
}

describe('spindle run of an op that holds the loop', () => {
  it('ends with the stage, the function, its line, how often and how long', () => {
    const { status, stdout, stderr } = run()
    assert.equal(status, 0, stderr)
    assert.match(
      stdout,
      /Code that blocked the event loop:\n {2}parse: crunch \(.*blocking\.ts:1[5-9]\), (once|\d+ times), [\d.]+ m?s, at most [\d.]+ m?s at once/,
    )
  })

  it('says so in its JSON', () => {
    const { status, stdout, stderr } = run('--json')
    assert.equal(status, 0, stderr)
    const { stats } = JSON.parse(stdout) as { stats: PipelineStats }
    const block = stats.blocks.find((one) => one.stage === 'parse' && one.function === 'crunch')
    assert.ok(block !== undefined, JSON.stringify(stats.blocks))
    assert.match(block.where ?? '', /blocking\.ts:1[5-9]$/)
    assert.ok(block.count >= 1 && block.totalMs >= 10)
  })
})
