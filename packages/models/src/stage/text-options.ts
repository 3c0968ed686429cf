import type { NdArray } from '@spindle/io'
import type { CommonModelOptions } from './model-options.ts'

/** Element types of ids. */
export type TokenDType = 'uint16' | 'uint32' | 'int32'

/** The ids of a text. */
export type TokenArray<D extends TokenDType> = {
  readonly uint16: Uint16Array
  readonly uint32: Uint32Array
  readonly int32: Int32Array
}[D]

/** The inputs of a text model with one segment: int64, [tokens] each. */
export type TextFeeds = {
  readonly input_ids: NdArray<'int64'>
  readonly attention_mask: NdArray<'int64'>
  readonly token_type_ids: NdArray<'int64'>
}

/** Options of `textFeeds()`, and of `tokenize()` besides its dtype. */
export interface TextOptions<T, F, R>
  extends Omit<CommonModelOptions<T, string>, 'providers' | 'transfer' | 'warmup'> {
  /** Whether to add the tokenizer's special tokens, for example `[CLS]`. Default true. */
  readonly specialTokens?: boolean
  /**
   * Largest number of tokens of a text, special tokens included, an integer >= 1. Longer texts lose
   * their ends. Default: no limit.
   */
  readonly maxTokens?: number
  /** Makes the stage's result of an item, on this side. Default: the ids. */
  readonly result?: (ids: F, item: T) => R
}

/** Options of `tokenize()`. */
export interface TokenizeOptions<T, D extends TokenDType, R>
  extends TextOptions<T, TokenArray<D>, R> {
  /** Element type of the ids. Default `'uint32'`. */
  readonly dtype?: D
}
