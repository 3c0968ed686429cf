// npm start -- <folder of pictures> [folder for the output]
// Writes JSON lines, one for each picture. Stop it at any time and start it again: it continues
// after the last commit, and no picture is lost or written twice.
import type { PipelineState } from 'spindle'
import { FileCheckpoint } from 'spindle/checkpoint'
import { embeddings } from './pipeline.js'
import { makeSample } from './sample.js'

const [pictures = await makeSample(), folder = 'output'] = process.argv.slice(2)

const output = await FileCheckpoint.open<PipelineState>(folder, {
  partName: (n) => `part-${String(n).padStart(6, '0')}.jsonl`,
})
const pipeline = (await embeddings(pictures)).aggregate(64).build({
  resumable: true,
  state: output.state,
  maxFailures: 100, // damaged files are dropped, counted and named in the report
})

for await (const batch of pipeline) {
  await output.write(batch.map((row) => `${JSON.stringify(row)}\n`).join(''))
  pipeline.commit(batch)
  await output.commit(() => pipeline.state())
}
await output.commit(() => pipeline.state())
await output.close()
console.log(String(pipeline.report()))
