import { badOption } from '../check.ts'

/** Token ids, as tokenizers give them. */
export type TokenIds =
  | readonly number[]
  | readonly bigint[]
  | Uint8Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** A tokenized text: its ids alone, or with labels. */
export type TokenDocument = TokenIds | TokenRecord

/** A tokenized text with data for each of its tokens. */
export interface TokenRecord {
  readonly inputIds: TokenIds
  /**
   * One label for each token: what the model is to predict there. Default: the tokens themselves.
   */
  readonly labels?: TokenIds | undefined
}

/**
 * The ids of a document.
 *
 * @throws `ERR_BAD_OPTION` if the value is not a document.
 */
export function tokensOf(document: TokenDocument): TokenIds {
  const ids = isIds(document) ? document : (document as Partial<TokenRecord> | null)?.inputIds
  if (!isIds(ids))
    badOption('document', 'an array of token ids, or an object with such `inputIds`', document)
  return ids
}

/**
 * The labels of a document, if it has them.
 *
 * @throws `ERR_BAD_OPTION` unless there is one per token.
 */
export function labelsOf(document: TokenDocument): TokenIds | undefined {
  if (isIds(document)) return undefined
  const { inputIds, labels } = document
  if (labels === undefined) return undefined
  if (!isIds(labels) || labels.length !== inputIds.length)
    badOption(
      'labels',
      `one for each of the ${inputIds.length} tokens`,
      isIds(labels) ? labels.length : labels,
    )
  return labels
}

function isIds(value: unknown): value is TokenIds {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}
