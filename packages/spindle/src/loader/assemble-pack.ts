import { endianness } from 'node:os'
import { badOption, checkChoice, checkInteger, checkOptions } from '../check.ts'
import { SpindleError } from '../errors.ts'
import type { NdArray } from './array.ts'
import { labelsOf, type TokenDocument, type TokenIds, tokensOf } from './token-document.ts'

/** Options of `assemblePack()`. */
export interface AssembleOptions<D extends 'int64' | 'int32' = 'int64' | 'int32'> {
  /** Length of every array but `cuSeqlens`, an integer >= 1. */
  readonly maxTokens: number
  /** What the end is filled up with, an integer. Default 0. */
  readonly paddingId?: number
  /** Whether `labels` are made. Default false. */
  readonly labels?: boolean
  /** The label where the model is not asked: of padding, and of each document's first token, which nothing of its own comes before. Default -100. */
  readonly ignoreLabel?: number
  /** Type of `inputIds`, `positionIds` and `labels`. Default `'int64'`, which language models in ONNX take. */
  readonly dtype?: D
}

/** Several documents as one input of a language model. All arrays are row-major; `n` is `maxTokens`. */
export interface PackedSequence<D extends 'int64' | 'int32' = 'int64' | 'int32'> {
  /** [n], the documents' tokens one after the other, then `paddingId`. */
  readonly inputIds: NdArray<D>
  /** [n], counted from 0 in each document; 0 in the padding. */
  readonly positionIds: NdArray<D>
  /** [n], 1 for the first document, 2 for the next, …, 0 for padding: tokens may see those of their own number only. */
  readonly segmentIds: NdArray<'int32'>
  /** [documents + 1], where each document begins, and where the last ends: the `cu_seqlens` of FlashAttention's functions for variable lengths. */
  readonly cuSeqlens: NdArray<'int32'>
  /** [n], if asked for: the documents' own, or their tokens, not shifted. */
  readonly labels?: NdArray<D>
  /** Tokens that are no padding. */
  readonly tokens: number
}

type Ids = Int32Array | BigInt64Array

/**
 * Makes the arrays of one pack of documents: an op for `pipe()` behind `aggregate(packDocuments(…))`.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option, or what is no document; `ERR_TOO_LARGE` if the documents are above `maxTokens`.
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
  checkOptions(options, ['maxTokens', 'paddingId', 'labels', 'ignoreLabel', 'dtype'])
  const { maxTokens, paddingId = 0, labels: hasLabels = false, ignoreLabel = -100 } = options
  const dtype = (options.dtype ?? 'int64') as D
  checkInteger('maxTokens', maxTokens, 1)
  checkInteger('paddingId', paddingId, -(2 ** 31))
  if (typeof hasLabels !== 'boolean') badOption('labels', 'a boolean', hasLabels)
  checkInteger('ignoreLabel', ignoreLabel, -(2 ** 31))
  checkChoice('dtype', dtype, ['int64', 'int32'])
  // Positions of every document are the beginning of these.
  const ramp = newIds(dtype, maxTokens)
  put(
    ramp,
    Array.from({ length: maxTokens }, (_, position) => position),
    0,
  )
  const array = (data: Ids): NdArray<D> => ({ data, dtype, shape: [maxTokens] }) as unknown as NdArray<D>

  return function assemble(documents) {
    const sizes = documents.map((document) => tokensOf(document).length)
    const tokens = sizes.reduce((sum, size) => sum + size, 0)
    if (tokens > maxTokens) throw tooMany(documents.length, tokens, maxTokens)
    const [ids, positions] = [newIds(dtype, maxTokens), newIds(dtype, maxTokens)]
    const labels = hasLabels ? newIds(dtype, maxTokens) : undefined
    const segments = new Int32Array(maxTokens)
    const starts = new Int32Array(documents.length + 1)
    let at = 0
    for (const [number, document] of documents.entries()) {
      const size = sizes[number] as number
      put(ids, tokensOf(document), at)
      put(positions, ramp.subarray(0, size) as Ids, at)
      segments.fill(number + 1, at, at + size)
      if (labels !== undefined) {
        // What was converted once need not be again.
        put(labels, labelsOf(document) ?? (ids.subarray(at, at + size) as Ids), at)
        fill(labels, ignoreLabel, at, Math.min(at + 1, at + size))
      }
      at += size
      starts[number + 1] = at
    }
    if (paddingId !== 0) fill(ids, paddingId, at, maxTokens)
    if (labels !== undefined) fill(labels, ignoreLabel, at, maxTokens)
    return {
      inputIds: array(ids),
      positionIds: array(positions),
      segmentIds: { data: segments, dtype: 'int32', shape: [maxTokens] },
      cuSeqlens: { data: starts, dtype: 'int32', shape: [starts.length] },
      ...(labels === undefined ? {} : { labels: array(labels) }),
      tokens,
    }
  }
}

function newIds(dtype: 'int64' | 'int32', length: number): Ids {
  return dtype === 'int64' ? new BigInt64Array(length) : new Int32Array(length)
}

function fill(to: Ids, value: number, start: number, end: number): void {
  if (to instanceof Int32Array) to.fill(value, start, end)
  else to.fill(BigInt(value), start, end)
}

const LOW_WORD = endianness() === 'LE' ? 0 : 1

/** Copies ids. What is not of the same type is converted; for int64 in halves, since a `BigInt` for each token costs ten times as much. */
function put(to: Ids, from: TokenIds, at: number): void {
  const isWide = isBigInts(from)
  if (to instanceof BigInt64Array) {
    if (isWide) to.set(from, at)
    else putWords(new Int32Array(to.buffer, to.byteOffset, to.length * 2), from, at)
  } else if (isWide) {
    for (let i = 0; i < from.length; i++) to[at + i] = Number(from[i])
  } else to.set(from, at)
}

function putWords(words: Int32Array, from: ArrayLike<number>, at: number): void {
  for (let i = 0, to = at * 2; i < from.length; i++, to += 2) {
    const id = from[i] as number
    words[to + LOW_WORD] = id
    words[to + 1 - LOW_WORD] = (id | 0) === id ? id >> 31 : Math.floor(id / 4294967296)
  }
}

function isBigInts(ids: TokenIds): ids is readonly bigint[] | BigInt64Array | BigUint64Array {
  return ids instanceof BigInt64Array || ids instanceof BigUint64Array || typeof ids[0] === 'bigint'
}

function tooMany(documents: number, tokens: number, maxTokens: number): SpindleError {
  const advice = 'put them together by aggregate(packDocuments(…)) with the same `maxTokens`'
  return new SpindleError(
    'ERR_TOO_LARGE',
    `${documents} documents have ${tokens} tokens, above \`maxTokens\` ${maxTokens}: ${advice}`,
  )
}
