import type { PipelineBuilder } from '../builder/builder.ts'
import { choice, options, type Rules } from '../options/index.ts'
import {
  type AssembleOptions,
  assemblePack,
  assembleRules,
  type PackedSequence,
} from './assemble-pack.ts'
import { type PackOptions, packDocuments, packRules } from './pack-documents.ts'
import { overlapRule, splitDocuments } from './split-documents.ts'
import { type TokenDocument, tokensOf } from './token-document.ts'

/** Options of `packSequences()`, which are those of its three stages. */
export interface PackSequencesOptions<D extends 'int64' | 'int32' = 'int64' | 'int32'>
  extends PackOptions,
    AssembleOptions<D> {
  /**
   * What happens to documents above `maxTokens`: `'split'` (default) cuts them into parts,
   * `'refuse'` fails the stage.
   */
  readonly tooLong?: 'split' | 'refuse'
  /**
   * Number of tokens that consecutive parts of a document share; see `splitDocuments()`. Default 0.
   */
  readonly overlap?: number
}

const sequencesOptions = options('PackSequencesOptions', {
  ...packRules,
  ...assembleRules,
  tooLong: choice(['split', 'refuse'], { default: 'split' }),
  overlap: overlapRule,
} satisfies Rules<PackSequencesOptions>)

/**
 * Adds the three stages that make inputs of a language model from tokenized documents:
 * `splitDocuments`, `packDocuments`, `assemblePack`. Documents without tokens are left out; the
 * first stage counts them as skipped. Use the three functions directly for anything else, such as a
 * failure budget.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { packSequences } from 'spindle/loader'
 *
 * const documents = new PipelineBuilder().addSource([[1, 2, 3], [4, 5], [6], [7, 8, 9, 10, 11]])
 * const pipeline = packSequences(documents, { maxTokens: 4, dtype: 'int32' }).build()
 * const packs: string[] = []
 * for await (const { inputIds } of pipeline) packs.push(String(inputIds.data))
 * assert.deepEqual(packs, ['1,2,3,6', '7,8,9,10', '4,5,11,0'])
 * ```
 */
export function packSequences<D extends 'int64' | 'int32' = 'int64'>(
  documents: PipelineBuilder<TokenDocument>,
  options: PackSequencesOptions<D>,
): PipelineBuilder<PackedSequence<D>> {
  const { openPacks, maxDocuments, tooLong, overlap, ...assemble } = sequencesOptions.check(options)
  const { maxTokens } = assemble
  const pack = packDocuments<TokenDocument>({ maxTokens, openPacks, maxDocuments })
  const splitOrSkip = (document: TokenDocument) =>
    tokensOf(document).length === 0 ? undefined : split(document)
  const split = splitDocuments<TokenDocument>({ maxTokens, overlap })
  // What is left out counts as skipped.
  const parts = tooLong === 'split' ? documents.pipe(splitOrSkip, { name: split.name }) : documents
  return parts
    .aggregate(pack)
    .pipe(assemblePack<D>(assemble as AssembleOptions<D>), { name: 'assemblePack' })
}
