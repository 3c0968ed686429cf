import { integer, options, type Rule, type Rules } from '../options/index.ts'
import { labelsOf, type TokenDocument, type TokenIds, tokensOf } from './token-document.ts'

/** Options of `splitDocuments()`. */
export interface SplitOptions {
  /** Maximum number of tokens per part, an integer >= 1. */
  readonly maxTokens: number
  /**
   * Number of tokens that a part shares with the part before, an integer >= 0 and < `maxTokens`.
   * Default 0.
   */
  readonly overlap?: number
  /**
   * Minimum number of tokens, besides the overlap, of a last part; a shorter one is left out. A
   * document that needs no cut is never left out. Default 1.
   */
  readonly minTokens?: number
}

/** The rule of `overlap`. */
export const overlapRule: Rule<number, 'always'> = integer({ min: 0, default: 0, unit: 'tokens' })

const splitOptions = options(
  'SplitOptions',
  {
    maxTokens: integer({ min: 1, required: true, unit: 'tokens' }),
    overlap: overlapRule,
    minTokens: integer({ min: 1, default: 1, unit: 'tokens' }),
  } satisfies Rules<SplitOptions>,
  undefined,
  ({ overlap, maxTokens }) =>
    overlap >= maxTokens ? ['overlap', `below \`maxTokens\` ${maxTokens}`] : undefined,
)

/**
 * Cuts documents that are too long into parts: an op for `pipe()` that gives the parts one at a
 * time. Parts of typed arrays are views of the document. A document that is short enough is given
 * unchanged; one without tokens is not given.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { splitDocuments } from 'spindle/loader'
 *
 * const documents = [[1, 2, 3, 4, 5], [6]]
 * const pipeline = new PipelineBuilder().addSource(documents).pipe(splitDocuments<number[]>({ maxTokens: 2 })).build()
 * const parts: number[][] = []
 * for await (const part of pipeline) parts.push(part)
 * assert.deepEqual(parts, [[1, 2], [3, 4], [5], [6]])
 * ```
 */
export function splitDocuments<D extends TokenDocument>(
  options: SplitOptions,
): (document: D) => Generator<D, void, undefined> {
  const { maxTokens, overlap, minTokens } = splitOptions.check(options)
  return function* splitDocument(document) {
    const ids = tokensOf(document)
    if (ids.length === 0) return
    if (ids.length <= maxTokens) {
      yield document
      return
    }
    for (
      let start = 0;
      start === 0 || start + overlap + minTokens <= ids.length;
      start += maxTokens - overlap
    )
      yield part(document, start, start + maxTokens)
  }
}

function part<D extends TokenDocument>(document: D, start: number, end: number): D {
  const ids = cut(tokensOf(document), start, end)
  if (tokensOf(document) === (document as unknown)) return ids as D
  const labels = labelsOf(document)
  const parts =
    labels === undefined ? { inputIds: ids } : { inputIds: ids, labels: cut(labels, start, end) }
  return { ...(document as object), ...parts } as D
}

function cut(ids: TokenIds, start: number, end: number): TokenIds {
  return Array.isArray(ids) ? ids.slice(start, end) : (ids as Int32Array).subarray(start, end)
}
