// The sink of a job takes what its pipeline gives. Compiled by `npm run types`, never run.
import { defineJob, type FunctionJob, type PipelineJob, runWorker } from '@spindle/cluster'
import { PipelineBuilder } from 'spindle'
import type { Sink } from 'spindle/sinks'
import { defineSource } from 'spindle/source'

const numbers = defineSource({ size: 3, description: {}, at: (row) => row })
declare const texts: Sink<string, unknown>

export const job: PipelineJob<string> = defineJob({
  shards: ['a'],
  pipeline: ({ rowsOf }) => new PipelineBuilder().addSource(rowsOf(numbers)).pipe(String),
  sink: texts,
})

export const later: PipelineJob<string> = defineJob({
  shards: async () => [{ name: 'a', rows: 3, data: { x: 1 } }],
  pipeline: async ({ name, rows }) =>
    new PipelineBuilder().addSource([rows ?? 0]).pipe((n) => `${name}${n}`),
  sink: texts,
})

export const work: FunctionJob = defineJob({
  shards: (function* () {
    yield 'a'
  })(),
  run: async ({ progress, commit }) => {
    await commit({ cursor: progress.cursor + 1, state: { at: 1 } })
    return { cursor: 2, outputs: [{ name: 'x', count: 1, bytes: 1 }] }
  },
})

const mixed = {
  shards: ['a'],
  pipeline: () => new PipelineBuilder().addSource(numbers),
  sink: texts,
}
// @ts-expect-error: the pipeline gives numbers
defineJob(mixed)

defineJob({
  // @ts-expect-error: a shard has a name
  shards: [{ rows: 5 }],
  run: async () => {},
})

// @ts-expect-error: a worker needs a ledger
void runWorker(job, {})
void runWorker(job, { ledger: './run', graceMs: 5 })
