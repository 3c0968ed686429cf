import { PipelineBuilder, workerModule } from 'spindle'
import { type PackedSequence, packSequences } from 'spindle/loader'
import { fromManifest } from 'spindle/source'
import type * as Ops from './ops.js'

const { tokenize } = workerModule<typeof Ops>(new URL('./ops.js', import.meta.url))

/** Tokens of a sequence. */
export const SEQUENCE_TOKENS = 1024

/** The pipeline over a file of JSON lines `{ "text": … }`, not yet built: packed sequences. */
export async function sequences(file: string): Promise<PipelineBuilder<PackedSequence>> {
  const documents = new PipelineBuilder()
    .addSource(await fromManifest<{ text: string }>(file))
    .pipe(keepLongEnough)
    .pipe(tokenize, { concurrency: 4, outputOrder: 'input' })
  return packSequences(documents, { maxTokens: SEQUENCE_TOKENS, dtype: 'int32' })
}

/** `undefined` drops an item. */
function keepLongEnough(row: { text: string }): { text: string } | undefined {
  return row.text.trim().length >= 20 ? row : undefined
}
