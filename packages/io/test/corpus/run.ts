// The long form of placements.test.ts: round after round of other broken files through every
// placement, until the time is over.
//   nice -n 10 node --conditions=@spindle/source --import=tsx packages/io/test/corpus/run.ts
//   [--minutes 4] [--seed 1] [--kind image]
// The first round has every truncation there is. A file on which two placements disagree is an
// error, and is written to the working folder.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Amounts, mutations } from './mutations.ts'
import type { CorpusFile } from './ops.ts'
import { isFailure, PLACEMENTS } from './placements.ts'
import { arraySeeds, imageSeeds, soundSeeds } from './seeds.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    kind: { type: 'string' },
  },
})
const seeds = [...(await imageSeeds(32, 24)), ...soundSeeds(), ...arraySeeds()].filter(
  ({ kind }) => values.kind === undefined || kind === values.kind,
)
const endsAt = performance.now() + Number(values.minutes) * 60_000
const totals = { rounds: 0, files: 0, calls: 0, failures: 0 }

for (let round = 0; performance.now() < endsAt; round++) {
  const amounts: Amounts = { cuts: round === 0 ? Infinity : 0, flips: 30, overwrites: 10, lies: 60 }
  for (const [i, { name, kind, bytes }] of seeds.entries()) {
    if (performance.now() >= endsAt) break
    const files = mutations(bytes, amounts, (Number(values.seed) * 1000 + round) * 100 + i).map(
      (one, index): CorpusFile => ({ index, kind, bytes: one }),
    )
    await compare(name, files)
  }
  totals.rounds += 1
  console.log(JSON.stringify({ ...totals, rssMb: Math.round(process.memoryUsage().rss / 2 ** 20) }))
}

async function compare(name: string, files: readonly CorpusFile[]): Promise<void> {
  let expected: readonly string[] | undefined
  for (const [placement, run] of Object.entries(PLACEMENTS)) {
    const startedAt = performance.now()
    const outcomes = await run(files)
    const ms = performance.now() - startedAt
    if (ms > 30_000)
      console.log(`${name}, ${placement}: ${files.length} files took ${Math.round(ms)} ms`)
    expected ??= outcomes
    const at = outcomes.findIndex((outcome, i) => outcome !== expected![i])
    if (at >= 0) writeFileSync(`differs-${name.replaceAll(' ', '-')}`, files[at]!.bytes)
    assert.deepEqual(outcomes[at], expected[at], `${name}, ${placement}`)
    totals.calls += files.length
  }
  totals.files += files.length
  totals.failures += expected!.filter(isFailure).length
}
