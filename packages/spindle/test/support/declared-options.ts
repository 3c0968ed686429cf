import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Options } from '../../src/options/options.ts'

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
  new URL('../../../../scripts/option-tables.mjs', import.meta.url).href
)) as Script

/** Node's own interface has no docblock here. */
const FOREIGN = ['ResourceLimits']

/**
 * Tests that declarations have rules in words, defaults that keep to them, and the names and
 * defaults of the docblocks of the public interfaces; and that the tables have all of that.
 */
export function testDeclarations(declared: readonly Options[]): void {
  const interfaces = script.readInterfaces()
  const seen = new Set<string>()
  for (const { name, rules } of declared) {
    it(`${name}: rules in words, and defaults that keep to them`, () => {
      for (const [option, { rule, settings, problem }] of Object.entries(rules)) {
        assert.match(rule, /^\S.*\S$/, option)
        const value = settings.defaultOf === undefined ? settings.default : settings.defaultOf()
        if (value !== undefined) assert.equal(problem(value, option), undefined)
        assert.ok(settings.required !== true || value === undefined, option)
      }
    })
    // A second declaration is of a form with fewer options.
    if (name.includes('.') || FOREIGN.includes(name) || seen.has(name)) continue
    seen.add(name)
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

  it('have tables with a sentence, a type and a rule for each option', () => {
    for (const [name, { options: rows }] of Object.entries(script.optionTables(declared)))
      for (const row of rows) {
        const place = `${name}.${row.name}`
        assert.ok(row.type !== '' && row.rule !== '', place)
        if (!/\.(min|max)$|^(sourceOptions|crop)\./.test(row.name)) assert.ok(row.doc !== '', place)
      }
  })
}

/** A default as docblocks write it: `30 000`, `16 MiB`, `'input'`, no limit. */
function plainOf(words: string): string {
  const [start = ''] = words.split(/[:;(]|, (?!\d)/)
  const plain = start.trim().replaceAll(/[`']/g, '')
  if (/^(no limit|no end|none|Infinity)$/.test(plain)) return 'Infinity'
  const [, count = '', unit = ''] = /^(-?[\d .]+?) ?(KiB|MiB|GiB|TiB)?$/.exec(plain) ?? []
  if (count === '') return plain
  const factor =
    { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }[unit] ?? Number.NaN
  return String(Number(count.replaceAll(' ', '')) * factor)
}
