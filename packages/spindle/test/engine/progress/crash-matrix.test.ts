import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { times } from '../../support/tries.ts'
import { NODE_FLAGS } from '../../support/typescript.ts'
import type { ChainSpec } from './fixtures/chains.ts'

// Whole processes, killed by SIGKILL. `npm test -- --long` runs every combination and every kill;
// else some of each.
const isAll = times > 1
const folder = mkdtempSync(join(tmpdir(), 'spindle-resume-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const script = fileURLToPath(new URL('./fixtures/crash.ts', import.meta.url))

const specs: ChainSpec[] = []
for (const placement of ['inline', 'threads', 'region', 'worker'] as const)
  for (const order of ['completion', 'input'] as const)
    for (const isSpread of [false, true])
      for (const batch of [0, 3])
        for (const isShuffled of [false, true])
          specs.push({ items: 9, order, isSpread, batch, isShuffled, placement })

function run(spec: ChainSpec, log: string, killAfter: number): NodeJS.Signals | null {
  const flags = [...NODE_FLAGS, '--no-warnings']
  const args = [...flags, script, JSON.stringify(spec), log, String(killAfter)]
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.ok(signal === 'SIGKILL' || status === 0, stderr)
  return signal
}

function expected({ items, isSpread, placement }: ChainSpec): string[] {
  const names = Array.from({ length: items }, (_, i) => `${i};`)
  const all = isSpread ? names.flatMap((name) => [`${name}a`, `${name}b`]) : names
  return placement === 'region' || placement === 'threads'
    ? all.map((name) => name.toUpperCase())
    : all
}

describe('a process killed at any item, and the ones after it, commit each item once', () => {
  for (const [at, spec] of specs.entries()) {
    if (!isAll && at % 11 !== 4) continue
    const { placement, order, isSpread, batch, isShuffled } = spec
    const traits = [
      placement,
      order,
      isSpread && 'spread',
      batch > 0 && 'batches',
      isShuffled && 'shuffled',
    ]
    it(traits.filter(Boolean).join(', '), () => {
      const most = expected(spec).length / Math.max(1, batch)
      const kills = isAll
        ? Array.from({ length: Math.ceil(most) }, (_, i) => i)
        : [at % Math.ceil(most)]
      for (const first of kills) {
        const log = join(folder, `${at}-${first}.jsonl`)
        // The second run is killed as well.
        let killAfter = first
        for (
          let runs = 0;
          run(spec, log, runs < 2 ? killAfter : Number.POSITIVE_INFINITY) !== null;
          runs++
        )
          killAfter = runs
        const committed = readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .flatMap((line) => (JSON.parse(line) as { items: string[] }).items)
        assert.deepEqual(committed.toSorted(), expected(spec).toSorted())
        if (order === 'input' && !isShuffled) assert.deepEqual(committed, expected(spec))
      }
    })
  }
})
