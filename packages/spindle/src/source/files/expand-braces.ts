import { badOption } from '../../check.ts'

/** A larger result is probably a mistake. */
const MAX_RESULTS = 1_000_000
/** Largest total number of characters. */
const MAX_CHARACTERS = 2 ** 27
/** Largest nesting depth. */
const MAX_DEPTH = 100

/**
 * Expands braces in the names of shards, as shells do: ranges with leading zeros, steps and
 * descending ranges, lists, and nested braces. Braces with neither `,` nor `..` in them stay as
 * they are.
 *
 * @returns every name, the last braces changing fastest
 * @throws `ERR_BAD_OPTION` for unbalanced braces, and for more than a million names, 128 Mi
 *   characters in total, or 100 nested braces
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { expandBraces } from 'spindle/source'
 *
 * assert.deepEqual(expandBraces('shard-{008..010}.tar'), ['shard-008.tar', 'shard-009.tar', 'shard-010.tar'])
 * assert.deepEqual(expandBraces('{train,val}-{0..1}.tar'), ['train-0.tar', 'train-1.tar', 'val-0.tar', 'val-1.tar'])
 * ```
 */
export function expandBraces(pattern: string): string[] {
  if (typeof pattern !== 'string') badOption('pattern', 'a string', pattern)
  refuseDepth(pattern)
  return expand(pattern, pattern)
}

function refuseDepth(pattern: string): void {
  let depth = 0
  for (const character of pattern) {
    if (character === '{') depth++
    else if (character === '}') depth--
    if (depth > MAX_DEPTH) badOption('pattern', `of at most ${MAX_DEPTH} braces in braces`, pattern)
  }
}

function expand(text: string, pattern: string): string[] {
  let results = ['']
  let at = 0
  for (;;) {
    const open = text.indexOf('{', at)
    const plain = text.slice(at, open === -1 ? undefined : open)
    if (plain.includes('}')) unbalanced(pattern)
    results = product(results, [plain], pattern)
    if (open === -1) return results
    const close = closingOf(text, open, pattern)
    results = product(results, alternatives(text.slice(open + 1, close), pattern), pattern)
    at = close + 1
  }
}

function closingOf(text: string, open: number, pattern: string): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  return unbalanced(pattern)
}

/** The alternatives in a pair of braces. */
function alternatives(inside: string, pattern: string): string[] {
  const range = /^(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?$/.exec(inside)
  if (range !== null) return numbers(range[1]!, range[2]!, range[3], pattern)
  const parts = splitList(inside)
  if (parts.length === 1) return expand(inside, pattern).map((text) => `{${text}}`)
  const names: string[] = []
  for (const part of parts) {
    for (const name of expand(part, pattern)) names.push(name)
    checkCount(names.length, pattern)
  }
  return names
}

function numbers(from: string, to: string, by: string | undefined, pattern: string): string[] {
  const [first, last] = [Number(from), Number(to)]
  const step = Math.abs(Number(by ?? 1)) || 1
  const count = Math.floor(Math.abs(last - first) / step) + 1
  checkCount(count, pattern)
  // Larger numbers are not exact.
  if (![first, last, step].every(Number.isSafeInteger))
    badOption('pattern', `with numbers up to ${Number.MAX_SAFE_INTEGER}`, pattern)
  const isPadded = [from, to].some((text) => /^-?0\d/.test(text))
  const width = isPadded ? Math.max(from.length, to.length) : 0
  checkLength(count * Math.max(from.length, to.length), pattern)
  return Array.from({ length: count }, (_, i) => {
    const value = first + (last < first ? -i : i) * step
    const sign = value < 0 ? '-' : ''
    return sign + String(Math.abs(value)).padStart(width - sign.length, '0')
  })
}

/** Splits at commas that are not in inner braces. */
function splitList(inside: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < inside.length; i++) {
    if (inside[i] === '{') depth++
    else if (inside[i] === '}') depth--
    else if (inside[i] === ',' && depth === 0) {
      parts.push(inside.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, inside.slice(start)]
}

function product(heads: readonly string[], tails: readonly string[], pattern: string): string[] {
  checkCount(heads.length * tails.length, pattern)
  checkLength(lengthOf(heads) * tails.length + lengthOf(tails) * heads.length, pattern)
  return heads.flatMap((head) => tails.map((tail) => head + tail))
}

function lengthOf(names: readonly string[]): number {
  return names.reduce((sum, { length }) => sum + length, 0)
}

function checkLength(characters: number, pattern: string): void {
  if (characters > MAX_CHARACTERS)
    badOption('pattern', `of names with at most ${MAX_CHARACTERS} characters in all`, pattern)
}

function checkCount(count: number, pattern: string): void {
  // This also holds if a number is too large to be exact.
  if (!(count <= MAX_RESULTS)) badOption('pattern', `of at most ${MAX_RESULTS} names`, pattern)
}

function unbalanced(pattern: string): never {
  return badOption('pattern', 'one whose braces match', pattern)
}
