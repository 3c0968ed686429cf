import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { workers } from 'spindle'
import 'spindle/checkpoint'
import 'spindle/interop'
import 'spindle/loader'
import 'spindle/sinks'
import 'spindle/source'
import { nearest } from '../src/options/nearest.ts'
import { declaredOptions, minToMax, options, type Rules } from '../src/options/options.ts'
import { boolean, choice, durationMs, either, integer, is, text } from '../src/options/rules.ts'
import { argumentsOf } from '../src/workers/supervise/resource-limits.ts'
import { testDeclarations } from './support/declared-options.ts'

describe('declarations of options', () => {
  it('are those of all functions', () => assert.ok(declaredOptions().length >= 60))
  testDeclarations(declaredOptions())
})

interface Example {
  readonly name?: string
  readonly kind?: 'a' | 'b'
  readonly timeoutMs?: number
  readonly isFast?: boolean
  readonly limit?: number | { readonly min?: number }
  readonly size: number
}
const example = options('Example', {
  name: text({ default: 'x' }),
  kind: choice(['a', 'b']),
  timeoutMs: durationMs({ orInfinity: true }),
  isFast: boolean({ default: false }),
  limit: either(
    is('a number or { min }', (value) => typeof value === 'number'),
    options('Example.limit', { min: integer({ min: 1 }) }),
  ),
  size: integer({ min: 1, max: 9, required: true }),
} satisfies Rules<Example>)

describe('checking options', () => {
  const refuse = (given: unknown, message: string): void =>
    assert.throws(() => example.check(given as Example, 'here'), {
      name: 'SpindleError',
      code: 'ERR_BAD_OPTION',
      message: `${message} (here)`,
    })

  it('fills in defaults, and leaves the rest undefined', () => {
    const checked = example.check({ size: 2, timeoutMs: Number.POSITIVE_INFINITY })
    assert.deepEqual(checked, {
      name: 'x',
      kind: undefined,
      timeoutMs: Number.POSITIVE_INFINITY,
      isFast: false,
      limit: undefined,
      size: 2,
    })
  })

  it('names the option, its rule and the value', () => {
    refuse({}, '`size` must be an integer from 1 to 9, got undefined')
    for (const size of [0, 10, 1.5, Number.NaN, -0, Number.POSITIVE_INFINITY])
      refuse(
        { size },
        `\`size\` must be an integer from 1 to 9, got ${Object.is(size, -0) ? '-0' : size}`,
      )
    refuse({ size: 5n }, '`size` must be an integer from 1 to 9, got 5n')
    refuse({ size: null }, '`size` must be an integer from 1 to 9, got null')
    refuse({ size: 1, kind: 'c' }, "`kind` must be 'a' or 'b', got 'c'")
    refuse({ size: 1, isFast: 1 }, '`isFast` must be true or false, got 1')
    refuse({ size: 1, limit: 'x' }, "`limit` must be a number or { min }, got 'x'")
    refuse({ size: 1, limit: { min: 0 } }, '`limit.min` must be an integer >= 1, got 0')
    for (const timeoutMs of [0, -1, Number.NaN])
      refuse(
        { size: 1, timeoutMs },
        `\`timeoutMs\` must be a number of milliseconds > 0 or Infinity, got ${timeoutMs}`,
      )
    for (const given of [undefined, null, 5, 'text', () => {}])
      assert.throws(
        () => example.check(given as never),
        /^SpindleError: `options` must be an object/,
      )
  })

  it('names the known option that a misspelt one is nearest to', () => {
    const known = 'known are name, kind, timeoutMs, isFast, limit, size'
    refuse(
      { size: 1, timeoutms: 5 },
      `unknown option \`timeoutms\`; ${known}; did you mean \`timeoutMs\`?`,
    )
    refuse({ size: 1, concurrency: 5 }, `unknown option \`concurrency\`; ${known}`)
    refuse(
      { size: 1, limit: { mim: 1 } },
      'unknown option `mim` of `limit`; known are min; did you mean `min`?',
    )
    assert.equal(nearest('a'.repeat(1e6), ['size']), undefined)
    assert.equal(nearest('x', ['size', 'limit']), undefined)
  })

  it('reads each option once, and passes on what a getter or a Proxy throws', () => {
    let reads = 0
    const counting = {
      get size() {
        return ++reads
      },
    }
    assert.equal(example.check(counting).size, 1)
    assert.equal(reads, 1)
    const fault = new Error('mine')
    const hostile = new Proxy(
      { size: 1 },
      {
        get: () => {
          throw fault
        },
      },
    )
    assert.throws(() => example.check(hostile), fault)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    refuse(
      { size: proxy },
      '`size` must be an integer from 1 to 9, got an object that cannot be shown',
    )
  })

  it('takes inherited options as its own, and no name of Object.prototype for known', () => {
    assert.equal(example.check(Object.create({ size: 3 }) as Example).size, 3)
    for (const name of ['constructor', 'toString', 'hasOwnProperty'])
      assert.throws(() => example.check({ size: 1, [name]: 1 }), /unknown option/)
  })
})

describe('rules about several options', () => {
  const range = options(
    'Example.range',
    { min: integer({ min: 1, default: 1 }), max: integer({ min: 1 }) },
    undefined,
    minToMax,
  )
  const outer = options('Outer', { size: either(integer({ min: 1 }), range) })

  it('are checked with the defaults, and after the rule of each option', () => {
    assert.deepEqual(range.check({ max: 1 }), { min: 1, max: 1 })
    assert.deepEqual(range.check({ min: 3 }), { min: 3, max: undefined })
    const message = '`max` must be an integer >= `min`, which is 3, got 2'
    assert.throws(() => range.check({ min: 3, max: 2 }), { message })
    assert.throws(() => range.check({ min: 3, max: 0 }), /`max` must be an integer >= 1, got 0/)
  })

  it('are checked within other options, which the message names', () =>
    assert.throws(() => outer.check({ size: { min: 3, max: 2 } }, 'here'), {
      message: '`size.max` must be an integer >= `min`, which is 3, got 2 (here)',
    }))
})

describe('resourceLimits of a process', () => {
  it('have no codeRangeSizeMb', () => {
    const resourceLimits = { codeRangeSizeMb: 8 }
    assert.ok(workers({ count: 1, resourceLimits }))
    assert.throws(() => workers({ count: 1, kind: 'process', resourceLimits }), {
      code: 'ERR_BAD_OPTION',
      message: /`resourceLimits` must be without `codeRangeSizeMb`/,
    })
  })

  it('are flags of V8 in whole numbers, the young generation as three semi-spaces', () => {
    assert.deepEqual(argumentsOf(undefined), [])
    assert.deepEqual(argumentsOf({ maxOldGenerationSizeMb: 40.5, maxYoungGenerationSizeMb: 48 }), [
      '--max-old-space-size=41',
      '--max-semi-space-size=16',
    ])
    assert.deepEqual(argumentsOf({ maxYoungGenerationSizeMb: 0.5, stackSizeMb: 0.75 }), [
      '--max-semi-space-size=1',
      '--stack-size=768',
    ])
  })
})
