import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import 'spindle'
import 'spindle/checkpoint'
import 'spindle/interop'
import 'spindle/loader'
import 'spindle/source'
import { nearest } from '../src/options/nearest.ts'
import { declaredOptions, options, type Rules } from '../src/options/options.ts'
import { boolean, choice, durationMs, either, integer, is, text } from '../src/options/rules.ts'

interface Row {
  readonly name: string
  readonly type: string
  readonly rule: string
  readonly doc: string
  readonly default: string
  readonly required: boolean
}
interface Script {
  optionTables(declared: unknown): { readonly [name: string]: { readonly options: Row[] } }
  membersOf(name: string, interfaces: unknown): ReadonlyMap<string, { readonly doc: string }>
  readInterfaces(): ReadonlyMap<string, unknown>
  defaultInWords(doc: string): string | undefined
}
const script = (await import(
  new URL('../../../scripts/option-tables.mjs', import.meta.url).href
)) as Script

/** Node's own interface has no docblock here. */
const FOREIGN = ['ResourceLimits']

describe('each declaration of options', () => {
  const interfaces = script.readInterfaces()

  it('is there', () => assert.ok(declaredOptions().length >= 50))

  for (const { name, rules } of declaredOptions()) {
    it(`${name}: rules in words, and defaults that keep to them`, () => {
      for (const [option, { rule, settings, problem }] of Object.entries(rules)) {
        assert.match(rule, /^\S.*\S$/, option)
        const value = settings.defaultOf === undefined ? settings.default : settings.defaultOf()
        if (value !== undefined) assert.equal(problem(value, option), undefined)
        assert.ok(settings.required !== true || value === undefined, option)
      }
    })
    if (name.includes('.') || FOREIGN.includes(name)) continue
    it(`${name}: the names and defaults of the public docblocks`, () => {
      const members = new Map(
        name.split(' & ').flatMap((each) => [...script.membersOf(each, interfaces)]),
      )
      assert.deepEqual(Object.keys(rules).sort(), [...members.keys()].sort())
      for (const [option, { settings }] of Object.entries(rules)) {
        const words = script.defaultInWords(members.get(option)?.doc ?? '')
        // What is no plain value has words of its own.
        const isPlain = settings.default !== undefined && typeof settings.default !== 'object'
        if (words === undefined || !isPlain) continue
        assert.equal(plainOf(words), plainOf(String(settings.default)), `${option}: ${words}`)
      }
    })
  }
})

describe('the tables of options', () => {
  it('have a sentence, a type and a rule for each option', () => {
    const tables = script.optionTables(declaredOptions())
    assert.ok(Object.keys(tables).length >= 45)
    for (const [name, { options: rows }] of Object.entries(tables))
      for (const row of rows) {
        const place = `${name}.${row.name}`
        assert.ok(row.type !== '' && row.rule !== '', place)
        if (!/^(size|concurrency|sourceOptions)\./.test(row.name)) assert.ok(row.doc !== '', place)
      }
    assert.deepEqual(
      tables.PoolOptions?.options.map(({ name }) => name) ??
        tables.ThreadPoolOptions?.options.map(({ name }) => name).slice(0, 5),
      ['size', 'size.min', 'size.max', 'init', 'initArgs'],
    )
  })
})

/** A default as docblocks write it: `30 000`, `16 MiB`, `'input'`, no limit. */
function plainOf(words: string): string {
  const [start = ''] = words.split(/[:;(]|, (?!\d)/)
  const plain = start.trim().replaceAll(/[`']/g, '')
  if (/^(no limit|no end|none|Infinity)$/.test(plain)) return 'Infinity'
  const [, count = '', unit = ''] = /^(-?[\d .]+?) ?(KiB|MiB|GiB)?$/.exec(plain) ?? []
  if (count === '') return plain
  const factor = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit] ?? Number.NaN
  return String(Number(count.replaceAll(' ', '')) * factor)
}

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
