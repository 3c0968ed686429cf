import assert from 'node:assert/strict'
import { it } from 'node:test'
import { PipelineBuilder, Rng } from 'spindle'
import { collect } from './support/consume.ts'

// The vectors of docs/semantics.md. They never change: runs recorded with one version repeat with
// another.
const vectors = [
  { key: [0], words: [0x4b2e208e, 0x5be1131e, 0xffdc40bf, 0xcc2b7384], first: 0.29367259412186675 },
  {
    key: [1, 2, 3],
    words: [0x31edc7b7, 0xb0cb84a7, 0xa35d4b5a, 0xbe19212b],
    first: 0.19503448673043722,
  },
  {
    key: [7, 0, 0, 0, 5],
    words: [0xf7bee1b4, 0x747818b0, 0x663a2fd7, 0x9aee6aba],
    first: 0.9677563716095501,
  },
]

/** sfc32, written anew from its author's description. */
function* sfc32(a: number, b: number, c: number): Generator<number> {
  let counter = 1
  for (;;) {
    const output = (a + b + counter++) >>> 0
    a = (b ^ (b >>> 9)) >>> 0
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + output) >>> 0
    yield output
  }
}

it('Rng gives the documented numbers', () => {
  for (const { key, words, first } of vectors) {
    const rng = Rng.from(...key)
    assert.deepEqual(
      words.map(() => rng.uint32()),
      words,
    )
    assert.equal(Rng.from(...key).next(), first)
  }
})

it('Rng is sfc32 with 12 outputs dropped', () => {
  const [one, two, three] = [0x12345678, 0x9abcdef0, 0x0fedcba9]
  const rng = new Rng(one, two, three)
  const reference = sfc32(one, two, three)
  for (let dropped = 0; dropped < 12; dropped++) reference.next()
  for (let i = 0; i < 1000; i++) assert.equal(rng.uint32(), reference.next().value)
})

it('context.rng has the documented key', async () => {
  const pipeline = new PipelineBuilder()
    .addSource(['a', 'b', 'c'])
    .pipe(
      function* (item) {
        yield item
        yield item
      },
      { name: 'twice' },
    )
    .pipe((_, context) => context.rng.uint32(), { name: 'draw' })
    .build({ seed: 7 })
  let hash = 0x811c9dc5
  for (const unit of 'draw') hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193) >>> 0
  const expected = [0, 1, 2].flatMap((index) =>
    [0, 1].map((position) => Rng.from(7, hash, 0, 0, index, position).uint32()),
  )
  assert.deepEqual(await collect(pipeline), expected)
})
