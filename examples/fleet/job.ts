// Counts the words of JSON Lines files. One process:
//   npx spindle run job.ts --ledger ./run
// Workers on many machines (kubernetes.yaml, compose.yaml, spindle-worker@.service):
//   INPUT=s3://bucket/in/*.jsonl OUTPUT=s3://bucket/out npx spindle worker job.ts --ledger
//   s3://bucket/run
import { defineJob, listShards } from '@spindle/cluster'
import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import { fromJsonLines } from 'spindle/source'

const { INPUT = 'in/*.jsonl', OUTPUT = 'out' } = process.env

export const job = defineJob({
  shards: () => listShards(INPUT),
  pipeline: async ({ name, rowsOf }) =>
    new PipelineBuilder()
      .addSource(rowsOf(await fromJsonLines<{ text: string }>(name)))
      .pipe(({ text }) => ({ text, words: text.split(' ').length }), { concurrency: 4 }),
  sink: jsonlShards(OUTPUT),
})
