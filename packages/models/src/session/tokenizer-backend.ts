import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NdArray } from '@spindle/io'
import { itemError, modelError } from '../base/errors.ts'
import { importPeer } from '../base/import-peer.ts'
import { messageOf } from '../base/message-of.ts'
import type { ModelSpec } from './batch-protocol.ts'
import type { ModelSession } from './define-backend.ts'
import { cachingWords, type EncodeText, type TokenizerJson } from './word-cache.ts'

type TokenizerSpec = Extract<ModelSpec, { readonly kind: 'tokenizer' }>

/** The part of `@huggingface/tokenizers` that is used. */
interface Tokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean; readonly return_token_type_ids?: boolean },
  ): { readonly ids: number[]; readonly token_type_ids?: number[] }
  get_vocab(withAddedTokens?: boolean): ReadonlyMap<string, number>
}

/** The classes of ids. */
const ARRAYS = { uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array } as const

/**
 * Opens a tokenizer.
 *
 * @throws InfrastructureError `ERR_BACKEND_MISSING` if the package is not installed;
 *   `ERR_MODEL_LOAD` if the files cannot be read, or the ids do not fit the dtype
 */
export async function openTokenizer(spec: TokenizerSpec): Promise<ModelSession<unknown, unknown>> {
  const { tokenizer, json } = await load(spec.path)
  const encode = encoderOf(tokenizer, json, spec)
  const { form } = spec
  if (form === 'uint16') {
    const vocabulary = tokenizer.get_vocab(true)
    const largest = Math.max(0, ...chunked([...vocabulary.values()]))
    if (largest > 0xffff)
      throw modelError(
        'ERR_MODEL_LOAD',
        `the tokenizer has ids up to ${largest}, which uint16 cannot hold: use dtype 'uint32'`,
      )
  }
  return {
    provider: '@huggingface/tokenizers',
    run: (texts) =>
      texts.map((text) => {
        if (typeof text !== 'string')
          throw itemError('ERR_MODEL_INPUT', `a tokenizer takes texts, got ${typeof text}`)
        const ids = encode(text)
        return form === 'feeds' ? feedsOf(ids) : ARRAYS[form].from(ids)
      }),
  }
}

interface Loaded {
  readonly tokenizer: Tokenizer
  readonly json: TokenizerJson
}

async function load(path: string): Promise<Loaded> {
  const { Tokenizer: Class } = (await importPeer('@huggingface/tokenizers').catch(
    (error: unknown) => {
      throw modelError(
        'ERR_BACKEND_MISSING',
        `tokenize() needs @huggingface/tokenizers, which cannot be loaded: npm install @huggingface/tokenizers (${messageOf(error)})`,
        error,
      )
    },
  )) as { readonly Tokenizer: new (json: object, config: object) => Tokenizer }
  try {
    const isFolder = (await stat(path)).isDirectory()
    const file = isFolder ? join(path, 'tokenizer.json') : path
    const json = JSON.parse(await readFile(file, 'utf8')) as TokenizerJson
    const config = await readFile(join(dirname(file), 'tokenizer_config.json'), 'utf8').catch(
      () => '{}',
    )
    return { tokenizer: new Class(json, JSON.parse(config) as object), json }
  } catch (error) {
    throw modelError(
      'ERR_MODEL_LOAD',
      `cannot open the tokenizer ${path}: ${messageOf(error)}`,
      error,
    )
  }
}

/** The largest of each thousand, because a call takes a limited number of arguments. */
function chunked(ids: readonly number[]): readonly number[] {
  const largest: number[] = []
  for (let at = 0; at < ids.length; at += 1000) largest.push(Math.max(...ids.slice(at, at + 1000)))
  return largest
}

/**
 * Encodes texts. A text that is too long loses tokens at its end, and keeps the special tokens
 * around it, as with `truncation=True` of Hugging Face.
 */
function encoderOf(
  tokenizer: Tokenizer,
  json: TokenizerJson,
  { specialTokens, maxTokens = Number.POSITIVE_INFINITY }: TokenizerSpec,
): EncodeText {
  const plainly = (text: string): readonly number[] =>
    tokenizer.encode(text, { add_special_tokens: false }).ids
  const plain = cachingWords(json, plainly)
  if (!specialTokens) return (text) => cut(plain(text), maxTokens)
  const fully = (text: string): readonly number[] =>
    tokenizer.encode(text, { add_special_tokens: true }).ids
  // Around a text there are always the same tokens, if a word of one letter shows any.
  const [probe, probePlain] = [fully('a'), plainly('a')]
  const extra = probe.length - probePlain.length
  const at = startOf(probe, probePlain, extra)
  const [before, after] = [probe.slice(0, at), probe.slice(at + probePlain.length)]
  if (extra < 0) return (text) => cut(fully(text), maxTokens)
  return (text) =>
    cut([...before, ...cut(plain(text), Math.max(0, maxTokens - extra)), ...after], maxTokens)
}

function cut(ids: readonly number[], most: number): readonly number[] {
  return ids.length > most ? ids.slice(0, most) : ids
}

/** How many special tokens stand before the text. */
function startOf(ids: readonly number[], plain: readonly number[], extra: number): number {
  for (let at = 0; at <= extra; at++) if (plain.every((id, i) => ids[at + i] === id)) return at
  return 0
}

/** What text models of one segment take. */
function feedsOf(ids: readonly number[]): Readonly<Record<string, NdArray<'int64'>>> {
  const array = (data: BigInt64Array): NdArray<'int64'> => ({
    data,
    dtype: 'int64',
    shape: [data.length],
  })
  return {
    input_ids: array(BigInt64Array.from(ids, BigInt)),
    attention_mask: array(new BigInt64Array(ids.length).fill(1n)),
    token_type_ids: array(new BigInt64Array(ids.length)),
  }
}
