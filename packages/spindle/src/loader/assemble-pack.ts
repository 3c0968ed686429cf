import { badOption } from '../check.ts'
import { SpindleError } from '../errors.ts'
import {
  boolean,
  choice,
  exactInteger,
  integer,
  options,
  type Rule,
  type Rules,
} from '../options/index.ts'
import type { NdArray } from './array.ts'
import { labelsOf, type TokenDocument, tokensOf } from './token-document.ts'
import { checkId, fillIds, type Ids, newIds, putIds } from './token-ids.ts'

/** Options of `assemblePack()`. */
export interface AssembleOptions<D extends 'int64' | 'int32' = 'int64' | 'int32'> {
  /** Length of every array except `cuSeqlens`, an integer >= 1. */
  readonly maxTokens: number
  /** Token id that fills the end, an integer. Default 0. */
  readonly paddingId?: number
  /** Whether to make `labels`. Default false. */
  readonly labels?: boolean
  /**
   * Label of positions that do not count for the loss, an integer: the padding, and the first token
   * of each document, which has no token before it to be predicted from. Default -100.
   */
  readonly ignoreLabel?: number
  /**
   * Dtype of `inputIds`, `positionIds` and `labels`. Default `'int64'`, which language models in
   * ONNX take.
   */
  readonly dtype?: D
}

/** The rules of {@link AssembleOptions}. */
export const assembleRules: {
  readonly maxTokens: Rule<number, 'always'>
  readonly paddingId: Rule<number, 'always'>
  readonly labels: Rule<boolean, 'always'>
  readonly ignoreLabel: Rule<number, 'always'>
  readonly dtype: Rule<'int64' | 'int32', 'always'>
} = {
  maxTokens: integer({ min: 1, required: true, unit: 'tokens' }),
  paddingId: exactInteger({ default: 0 }),
  labels: boolean({ default: false }),
  ignoreLabel: exactInteger({ default: -100 }),
  dtype: choice(['int64', 'int32'], { default: 'int64' }),
}

const assembleOptions = options('AssembleOptions', assembleRules satisfies Rules<AssembleOptions>)

/**
 * Several documents as one input of a language model. All arrays are row-major; `n` is `maxTokens`.
 */
export interface PackedSequence<D extends 'int64' | 'int32' = 'int64' | 'int32'> {
  /** [n], the tokens of the documents one after the other, then `paddingId`. */
  readonly inputIds: NdArray<D>
  /** [n], counted from 0 in each document; 0 in the padding. */
  readonly positionIds: NdArray<D>
  /**
   * [n], 1 for the first document, 2 for the next, …, 0 for padding. A token may attend only to
   * tokens with the same number.
   */
  readonly segmentIds: NdArray<'int32'>
  /**
   * [documents + 1], the start of each document and the end of the last: the `cu_seqlens` of
   * FlashAttention's functions for variable lengths.
   */
  readonly cuSeqlens: NdArray<'int32'>
  /**
   * [n], present only with the option `labels`: the labels of the documents, or else their tokens.
   * They are not shifted.
   */
  readonly labels?: NdArray<D>
  /** Number of tokens without the padding. */
  readonly tokens: number
  /** Number of documents that were left out because they have no token. */
  readonly empty: number
}

/**
 * Makes the arrays of one pack of documents: an op for `pipe()` after
 * `aggregate(packDocuments(…))`. Documents without a token are left out and counted in `empty`.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option, a value that is not a document, or an id that
 *   `dtype` cannot hold; the message names the document and the position. `ERR_TOO_LARGE` if the
 *   documents have more than `maxTokens` tokens.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { assemblePack } from 'spindle/loader'
 *
 * const { inputIds, positionIds, cuSeqlens, labels } = assemblePack({ maxTokens: 6, labels: true, dtype: 'int32' })([[7, 8, 9], [5, 6]])
 * assert.deepEqual([...inputIds.data], [7, 8, 9, 5, 6, 0])
 * assert.deepEqual([...positionIds.data], [0, 1, 2, 0, 1, 0])
 * assert.deepEqual([...cuSeqlens.data], [0, 3, 5])
 * assert.deepEqual([...labels!.data], [-100, 8, 9, -100, 6, -100])
 * ```
 */
export function assemblePack<D extends 'int64' | 'int32' = 'int64'>(
  options: AssembleOptions<D>,
): (documents: readonly TokenDocument[]) => PackedSequence<D> {
  const { labels: hasLabels, dtype: ofIds, ...checked } = assembleOptions.check(options)
  const { maxTokens, paddingId, ignoreLabel } = checked
  const dtype = ofIds as D
  // `cuSeqlens` is int32.
  if (maxTokens >= 2 ** 31) badOption('maxTokens', 'below 2^31', maxTokens)
  checkId('paddingId', paddingId, dtype)
  checkId('ignoreLabel', ignoreLabel, dtype)
  // The positions of every document are a prefix of this array.
  const ramp = newIds(dtype, maxTokens)
  for (let position = 0; position < maxTokens; position++)
    ramp[position] = dtype === 'int64' ? BigInt(position) : position
  const array = (data: Ids): NdArray<D> =>
    ({ data, dtype, shape: [maxTokens] }) as unknown as NdArray<D>

  return function assemble(documents) {
    const sizes = documents.map((document) => tokensOf(document).length)
    const tokens = sizes.reduce((sum, size) => sum + size, 0)
    if (tokens > maxTokens) throw tooMany(documents.length, tokens, maxTokens)
    const empty = sizes.reduce((count, size) => (size === 0 ? count + 1 : count), 0)
    const [ids, positions] = [newIds(dtype, maxTokens), newIds(dtype, maxTokens)]
    const labels = hasLabels ? newIds(dtype, maxTokens) : undefined
    const segments = new Int32Array(maxTokens)
    const starts = new Int32Array(documents.length - empty + 1)
    let at = 0
    let segment = 0
    for (const [number, document] of documents.entries()) {
      const size = sizes[number] as number
      if (size === 0) continue
      segment++
      const own = tokensOf(document)
      putIds(ids, own, at, () => placeOf(number, document, 'inputIds'))
      positions.set(ramp.subarray(0, size) as never, at)
      segments.fill(segment, at, at + size)
      if (labels !== undefined) {
        const said = labelsOf(document)
        // Without labels of its own, a document's ids are already converted in `inputIds`.
        if (said === undefined) labels.set(ids.subarray(at, at + size) as never, at)
        else putIds(labels, said, at, () => placeOf(number, document, 'labels'))
        fillIds(labels, ignoreLabel, at, at + 1)
      }
      at += size
      starts[segment] = at
    }
    if (paddingId !== 0) fillIds(ids, paddingId, at, maxTokens)
    if (labels !== undefined) fillIds(labels, ignoreLabel, at, maxTokens)
    return {
      inputIds: array(ids),
      positionIds: array(positions),
      segmentIds: { data: segments, dtype: 'int32', shape: [maxTokens] },
      cuSeqlens: { data: starts, dtype: 'int32', shape: [starts.length] },
      ...(labels === undefined ? {} : { labels: array(labels) }),
      tokens,
      empty,
    }
  }
}

function placeOf(number: number, document: TokenDocument, member: string): string {
  return tokensOf(document) === document ? `documents[${number}]` : `documents[${number}].${member}`
}

function tooMany(documents: number, tokens: number, maxTokens: number): SpindleError {
  const advice = 'put them together by aggregate(packDocuments(…)) with the same `maxTokens`'
  return new SpindleError(
    'ERR_TOO_LARGE',
    `${documents} documents have ${tokens} tokens, above \`maxTokens\` ${maxTokens}: ${advice}`,
  )
}
