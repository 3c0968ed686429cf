import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { merge, PipelineBuilder, type PipelineFailure } from 'spindle'
import { runChild } from '../../support/child.ts'

/** A program whose stage fails, with items that contain a secret of 100 kB each. */
const program = (chain: string, consume: string) => `
  import { merge, PipelineBuilder } from 'spindle'
  const secret = 'secret '.repeat(15_000)
  const items = Array.from({ length: 30 }, (_, n) => ({ n, secret }))
  const failing = (item) => {
    if (item.n > 2) throw Object.assign(new TypeError('bad header\\nof this file'), { item })
    return item.n
  }
  const one = new PipelineBuilder().addSource(items).pipe(failing, { concurrency: 2 })
  const pipeline = ${chain}
  ${consume}
`

describe('a program that a pipeline’s failure ends prints at most 15 lines and no item,', () => {
  for (const [how, chain, consume] of [
    ['thrown', 'one.build({ maxFailures: 20 })', 'for await (const _ of pipeline) {}'],
    ['as an unhandled rejection', 'one.build()', 'pipeline.forEach(() => {})'],
    [
      'of 12 stages',
      'merge(...Array.from({ length: 12 }, () => one)).build()',
      'await pipeline.forEach(() => {})',
    ],
  ] as const)
    it(how, async () => {
      const { code, stderr } = await runChild(program(chain, consume))
      assert.equal(code, 1)
      const lines = stderr.trimEnd().split('\n')
      assert.ok(lines.length <= 15, stderr)
      assert.ok(stderr.length < 3000, stderr)
      assert.doesNotMatch(stderr, /secret/)
      assert.match(
        stderr,
        /^PipelineFailure: .*stage "failing".* failed on item \d+: bad header of/m,
      )
      assert.match(stderr, /cause, TypeError: error\.cause/)
      assert.match(stderr, /failed items: error\.errors\[0\]\.recent/)
    })
})

describe('a failure that console.error() prints', () => {
  const failureOf = async (error: unknown, count = 1) => {
    const failing = (): number => {
      throw error
    }
    const one = new PipelineBuilder().addSource([1]).pipe(failing)
    return merge(...Array.from({ length: count }, () => one))
      .build()
      .forEach(() => {})
      .catch((failure: PipelineFailure) => failure) as Promise<PipelineFailure>
  }
  const long = 'secret '.repeat(15_000)

  for (const [what, error] of [
    ['a long message of many lines', new Error(`${long}\n${'line\n'.repeat(100)}`)],
    ['large fields', Object.assign(new Error('bad'), { item: [long, { long }], long })],
    ['a large thrown value', Array.from({ length: 100 }, () => ({ long }))],
    ['a thrown text', long],
    ['many causes', new Error('1', { cause: new Error('2', { cause: new Error('3') }) })],
  ] as const)
    it(`has at most 15 lines and 5 kB, with ${what}`, async () => {
      for (const failure of [await failureOf(error), await failureOf(error, 5)])
        for (const printed of [failure, failure.errors[0]]) {
          const text = inspect(printed)
          assert.ok(text.split('\n').length <= 15, text)
          assert.ok(text.length < 5000, String(text.length))
        }
    })

  it('shows the cause of a cause', async () => {
    const cause = new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') })
    assert.match(inspect(await failureOf(cause)), /fetch failed[\s\S]*\[cause\].*ECONNREFUSED/)
  })

  it('still gives its errors and causes to code', async () => {
    const error = new RangeError('bad')
    const failure = await failureOf(error, 2)
    assert.equal(failure.cause, error)
    assert.equal(failure.errors.length, 2)
    assert.equal(failure.errors[1]?.cause, error)
    assert.deepEqual(Object.keys(failure).sort(), ['code', 'name'])
  })
})
