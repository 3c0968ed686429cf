import { resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ModelSpec } from '../session/batch-protocol.ts'
import { type CheckedText, checkText, checkTokenize } from './checked-options.ts'
import { type ModelOp, opOf } from './model-op.ts'
import type {
  TextFeeds,
  TextOptions,
  TokenArray,
  TokenDType,
  TokenizeOptions,
} from './text-options.ts'

/** An item that is no text needs `inputs`. */
type NeedsText<T> = [T] extends [string] ? unknown : { readonly inputs: (item: T) => string }

/** Texts are short work: many of them share a message. */
const TEXTS = { max: 64, waitMs: 1 }

/**
 * Makes a stage that turns texts into token ids, in worker threads and in batches of 64 texts. The
 * ids are those of `@huggingface/tokenizers`. They go as they are into `packDocuments()`, and into
 * `npyShards()` as one long row.
 *
 * @param tokenizer path of a `tokenizer.json`, or of the folder that holds it; a
 *   `tokenizer_config.json` beside it is read too
 * @throws SpindleError `ERR_BAD_OPTION`. The pipeline fails with `ERR_BACKEND_MISSING` or
 *   `ERR_MODEL_LOAD`.
 */
export function tokenize<T = string, D extends TokenDType = 'uint32', R = TokenArray<D>>(
  tokenizer: string | URL,
  given: TokenizeOptions<T, D, R> & NeedsText<T> = {} as never,
): ModelOp<T, R> {
  const { dtype, ...checked } = checkTokenize({ batch: TEXTS, ...given })
  return textOp(tokenizer, dtype, checked)
}

/**
 * Makes a stage that turns texts into the inputs of a text model: `input_ids`, `attention_mask` and
 * `token_type_ids`, int64 [tokens]. A model stage fills up shorter texts of a batch with
 * `batch: { pad: 0 }`; `inputs` leaves out what the model does not take.
 *
 * @throws as {@link tokenize}
 */
export function textFeeds<T = string, R = TextFeeds>(
  tokenizer: string | URL,
  given: TextOptions<T, TextFeeds, R> & NeedsText<T> = {} as never,
): ModelOp<T, R> {
  return textOp(tokenizer, 'feeds', checkText({ batch: TEXTS, ...given }))
}

function textOp<T, R>(
  tokenizer: string | URL,
  form: TokenDType | 'feeds',
  { specialTokens, maxTokens, ...checked }: CheckedText,
): ModelOp<T, R> {
  const isUrl = tokenizer instanceof URL || String(tokenizer).startsWith('file:')
  const path = isUrl ? fileURLToPath(tokenizer) : resolvePath(tokenizer as string)
  const spec: ModelSpec = { kind: 'tokenizer', path, form, specialTokens, maxTokens }
  return opOf(spec, { ...checked, name: checked.name ?? 'tokenize' }, undefined)
}
