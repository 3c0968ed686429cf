import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import { defineSource } from 'spindle/source'
import type { ShardResult } from '../src/contract/status.ts'
import { defineJob } from '../src/job/define-job.ts'
import type { StoreLedger } from '../src/store/store-ledger.ts'
import { runWorker } from '../src/worker/run-worker.ts'
import type { WorkerEvent } from '../src/worker/worker-options.ts'

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'job-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const rowsOf = (name: string, count: number) =>
  defineSource({ size: count, description: { name }, at: (row) => `${name}:${row}` })

/** The lines of everything that the manifest of a place names, sorted. */
async function linesIn(place: string): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8'))
  const lines: string[] = []
  for (const { name, count } of manifest.shards) {
    const text = await readFile(join(place, name), 'utf8')
    const values = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(values.length, count)
    lines.push(...values)
  }
  assert.equal(manifest.count, lines.length)
  return lines.sort()
}

function expected(shards: number, rows: number): string[] {
  return Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: rows }, (_, row) => `s${shard}:${row}`),
  )
    .flat()
    .sort()
}

const names = (count: number) => Array.from({ length: count }, (_, at) => `s${at}`)

async function resultsOf(ledger: StoreLedger): Promise<ShardResult[]> {
  const results: ShardResult[] = []
  for await (const result of ledger.results()) results.push(result)
  return results
}

describe('worker', () => {
  it('runs every shard of a job through its pipeline, into one place', async () => {
    await withFolder(async (folder) => {
      const job = defineJob({
        shards: names(5),
        pipeline: ({ name, rowsOf: limit }) =>
          new PipelineBuilder()
            .addSource(limit(rowsOf(name, 10)))
            .pipe(async (row) => row, { concurrency: 3 }),
        sink: jsonlShards(join(folder, 'out'), { maxRecords: 4 }),
      })
      const ledger = join(folder, 'run')
      const events: WorkerEvent[] = []
      const results = await Promise.all(
        [1, 2].map(() => runWorker(job, { ledger, onEvent: (event) => events.push(event) })),
      )
      assert.ok(results.every(({ isComplete, dead }) => isComplete && dead === 0))
      assert.equal(results[0]!.shards + results[1]!.shards, 5)
      assert.equal(results[0]!.records + results[1]!.records, 50)
      assert.deepEqual(await linesIn(join(folder, 'out')), expected(5, 10))
      assert.equal(events.filter(({ kind }) => kind === 'done').length, 5)
      const again = await runWorker(job, { ledger })
      assert.deepEqual([again.isComplete, again.shards], [true, 0])
    })
  })
})
