import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import { defineSource } from 'spindle/source'
import { defineJob } from '../src/job/define-job.ts'
import { pause } from '../src/timers.ts'
import { runWorker } from '../src/worker/run-worker.ts'
import type { ChaosJob } from './chaos.ts'

// One worker process of a round of chaos. It prints how it ended.

const job = JSON.parse(process.argv[2]!) as ChaosJob
const store = job.store as never
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())

const definition = defineJob({
  shards: Array.from({ length: job.shards }, (_, at) => ({ name: `s${at}`, rows: job.rows })),
  seed: 7,
  pipeline: ({ name, rowsOf }) =>
    new PipelineBuilder()
      .addSource(
        rowsOf(
          defineSource({ size: job.rows, description: { name }, at: (row) => `${name}:${row}` }),
        ),
      )
      .pipe(
        async (row, { rng }) => {
          await pause(Math.random() * job.rowMs)
          if (Math.random() < job.failureRate) throw new Error('an op failed')
          return `${row} ${rng.next()}`
        },
        { concurrency: 3 },
      ),
  sink: jsonlShards(job.out, { maxRecords: 7, ...(store !== undefined && { store }) }),
  leaseMs: job.leaseMs,
  maxAttempts: 1000,
  maxLosses: 1000,
})

const result = await runWorker(definition, {
  ledger: job.ledger,
  ...(store !== undefined && { store }),
  signal: stop.signal,
  graceMs: 2000,
})
process.stdout.write(JSON.stringify(result))
