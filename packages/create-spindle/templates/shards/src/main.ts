// npm start -- <file.jsonl> [folder for the shards] Writes shards of 32 sequences: npy files of
// shape [32, 1024], int32. Stop it at any time and start it again: it continues after the last
// shard, and no text is lost or written twice.
import { saveNpy, stack } from '@spindle/io'
import type { PipelineState } from 'spindle'
import { FileCheckpoint } from 'spindle/checkpoint'
import { SEQUENCE_TOKENS, sequences } from './pipeline.js'
import { makeSample } from './sample.js'

const [file = makeSample(), folder = 'output'] = process.argv.slice(2)

const output = await FileCheckpoint.open<PipelineState>(folder)
const pipeline = (await sequences(file))
  .aggregate(32)
  .build({ resumable: true, state: output.state })

let shard = output.commits
let tokens = 0
for await (const batch of pipeline) {
  const rows = batch.map(({ inputIds }) => padded(inputIds.data as Int32Array))
  const array = stack(rows)
  await output.writeFile(`shard-${String(shard++).padStart(6, '0')}.npy`, (path) =>
    saveNpy(path, array),
  )
  pipeline.commit(batch)
  await output.commit(() => pipeline.state())
  tokens += batch.reduce((sum, { inputIds }) => sum + inputIds.data.length, 0)
}
await output.close()
console.log(`${tokens} tokens in ${shard} shards`)
console.log(String(pipeline.report()))

/** A sequence of full length. */
function padded(ids: Int32Array) {
  const data = new Int32Array(SEQUENCE_TOKENS)
  data.set(ids)
  return { data, dtype: 'int32' as const, shape: [SEQUENCE_TOKENS] }
}
