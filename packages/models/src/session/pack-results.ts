import type { ItemOutcome } from './item-outcome.ts'

type Ids = Uint16Array | Uint32Array | Int32Array

/** The results of a batch in one array: a message of many small arrays is dear to unpack. */
export interface PackedResults {
  readonly data: Ids
  readonly lengths: Uint32Array
}

/** Joins results that all are ids of one type. `undefined` if they are not. */
export function packResults(outcomes: readonly ItemOutcome[]): PackedResults | undefined {
  const all: Ids[] = []
  for (const outcome of outcomes) {
    const result = 'result' in outcome ? outcome.result : undefined
    if (!isIds(result) || (all[0] !== undefined && result.constructor !== all[0].constructor))
      return undefined
    all.push(result)
  }
  const [first] = all
  if (first === undefined || all.length === 1) return undefined
  const lengths = Uint32Array.from(all, ({ length }) => length)
  const size = lengths.reduce((sum, length) => sum + length, 0)
  const data = new (first.constructor as new (length: number) => Ids)(size)
  let at = 0
  for (const ids of all) {
    data.set(ids, at)
    at += ids.length
  }
  return { data, lengths }
}

/** The results of {@link packResults}, each with memory of its own. */
export function unpackResults({ data, lengths }: PackedResults): readonly ItemOutcome[] {
  const outcomes: ItemOutcome[] = []
  let at = 0
  for (const length of lengths) {
    outcomes.push({ result: data.slice(at, at + length) })
    at += length
  }
  return outcomes
}

function isIds(value: unknown): value is Ids {
  return value instanceof Uint16Array || value instanceof Uint32Array || value instanceof Int32Array
}
