import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Amounts, cuts, mutations } from './mutations.ts'
import type { CorpusFile } from './ops.ts'
import { isFailure, type Outcomes, PLACEMENTS } from './placements.ts'
import { arraySeeds, imageSeeds, type Seed, soundSeeds } from './seeds.ts'

// Broken files of every format through every placement. `corpus/run.ts` does the same with many
// more of them.

const amounts: Amounts = { cuts: 5, flips: 3, overwrites: 2, lies: 6 }
const seeds: readonly Seed[] = [...(await imageSeeds(32, 24)), ...soundSeeds(), ...arraySeeds()]
const files: CorpusFile[] = seeds
  .flatMap(({ kind, bytes }) =>
    [bytes, ...mutations(bytes, amounts)].map((one) => ({ kind, bytes: one })),
  )
  .map((file, index) => ({ ...file, index }))
const inline = PLACEMENTS['inline, synchronously']!

describe(`${files.length} files, most of them broken, of ${seeds.length} sorts`, () => {
  let expected: Outcomes | undefined
  for (const [placement, run] of Object.entries(PLACEMENTS)) {
    it(`${placement}: an array or a named failure for each, the same as everywhere`, async () => {
      const outcomes = await run(files)
      expected ??= outcomes
      assert.deepEqual(outcomes, expected)
      const each = files.length / seeds.length
      for (const [i, { name }] of seeds.entries()) {
        const ofSeed = outcomes.slice(i * each, (i + 1) * each)
        assert.ok(!isFailure(ofSeed[0]!), `${name}, whole: ${ofSeed[0]}`)
        assert.ok(ofSeed.filter(isFailure).length >= amounts.cuts / 2, `${name}: few are broken`)
      }
    })
  }
})

describe('a file that is cut short', () => {
  // Between two members of a tar a cut cannot be told from the end. The last bits of an MP3 are a
  // matter of hearing.
  const strict = seeds.filter(({ name, kind }) => kind !== 'tar' && name !== 'sound mp3')
  for (const { name, kind, bytes } of strict) {
    it(`${name}: fails, or lacks nothing but what is behind the data`, async () => {
      const all = [...cuts(bytes, 300), ...tails(bytes, 40)]
      const [whole, ...outcomes] = await inline(
        [bytes, ...all].map((one, index) => ({ index, kind, bytes: one })),
      )
      const wrong = outcomes.flatMap((outcome, i) =>
        isFailure(outcome) || outcome === whole
          ? []
          : [`${all[i]!.length} of ${bytes.length} bytes`],
      )
      assert.deepEqual(wrong, [])
    })
  }
})

/** The file without its last byte, its last two, … */
function tails(whole: Buffer, count: number): Buffer[] {
  return Array.from({ length: Math.min(count, whole.length) }, (_, i) => whole.subarray(0, -1 - i))
}
