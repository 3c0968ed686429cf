import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { InfrastructureError, PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import { defineSource } from 'spindle/source'
import type { Lease } from '../src/contract/ledger.ts'
import type { ShardResult } from '../src/contract/status.ts'
import { MemoryEntries } from '../src/entries/memory-entries.ts'
import { defineJob } from '../src/job/define-job.ts'
import { openLedger } from '../src/open/open-ledger.ts'
import { StoreLedger } from '../src/store/store-ledger.ts'
import { clockMs, pause } from '../src/timers.ts'
import { openJob, runWorker } from '../src/worker/run-worker.ts'
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

  it('stops at what is committed, and another worker continues there', async () => {
    await withFolder(async (folder) => {
      const ledger = new StoreLedger(new MemoryEntries())
      const stop = new AbortController()
      const seen: string[] = []
      const job = defineJob({
        shards: names(2),
        pipeline: ({ name }) =>
          new PipelineBuilder().addSource(rowsOf(name, 20)).pipe(async (row) => {
            seen.push(row)
            if (seen.length === 30) stop.abort()
            return row
          }),
        sink: jsonlShards(join(folder, 'out'), { maxRecords: 5 }),
      })
      const first = await runWorker(job, { ledger, signal: stop.signal })
      assert.deepEqual([first.isComplete, first.shards], [false, 1])
      const { done, waiting, running, workers } = await ledger.status()
      assert.deepEqual([done, waiting, running, workers[0]?.state], [1, 1, 0, 'ended'])
      const second = await runWorker(job, { ledger })
      assert.equal(second.isComplete, true)
      assert.equal(first.records + second.records, 40)
      assert.ok(seen.length < 50, 'few rows are done twice')
      assert.deepEqual(await linesIn(join(folder, 'out')), expected(2, 20))
    })
  })

  it('tries a failed shard again, gives it up, and finishes when it is revived', async () => {
    await withFolder(async (folder) => {
      const ledger = new StoreLedger(new MemoryEntries())
      let isBroken = true
      const job = defineJob({
        shards: names(3),
        maxAttempts: 2,
        pipeline: ({ name }) =>
          new PipelineBuilder().addSource(rowsOf(name, 4)).pipe((row) => {
            if (isBroken && row === 's1:2') throw new Error('broken row')
            return row
          }),
        sink: jsonlShards(join(folder, 'out')),
      })
      const events: WorkerEvent[] = []
      const first = await runWorker(job, { ledger, onEvent: (event) => events.push(event) })
      assert.deepEqual([first.isComplete, first.dead, first.failures], [true, 1, 2])
      assert.deepEqual(
        events.filter(({ shard }) => shard === 's1').map(({ kind }) => kind),
        ['leased', 'failed', 'leased', 'dead'],
      )
      const { failures } = await ledger.status()
      assert.match(failures[0]!.error, /broken row/)
      await assert.rejects(readFile(join(folder, 'out/manifest.json')), { code: 'ENOENT' })
      isBroken = false
      assert.equal(await ledger.revive(), 1)
      assert.equal((await runWorker(job, { ledger })).dead, 0)
      assert.deepEqual(await linesIn(join(folder, 'out')), expected(3, 4))
    })
  })

  it('ends when its environment is broken, and blames no shard', async () => {
    const ledger = new StoreLedger(new MemoryEntries())
    const job = defineJob({
      shards: names(1),
      run: async () => {
        throw new InfrastructureError('ERR_BACKEND_MISSING', 'a package is missing')
      },
    })
    await assert.rejects(runWorker(job, { ledger }), { code: 'ERR_BACKEND_MISSING' })
    const { waiting, failures } = await ledger.status()
    assert.deepEqual([waiting, failures], [1, []])
  })

  it('splits a long shard for an idle worker; rows and their random numbers stay', async () => {
    const run = async (workers: number): Promise<{ lines: string[]; parts: number }> => {
      const folder = await mkdtemp(join(tmpdir(), 'split-'))
      const ledger = new StoreLedger(new MemoryEntries())
      const job = defineJob({
        shards: ['s0'],
        leaseMs: 300,
        splitAlign: 4,
        pipeline: ({ name, rowsOf: limit }) =>
          new PipelineBuilder()
            .addSource(limit(rowsOf(name, 64)))
            .pipe(async (row, { rng }) => {
              if (workers > 1) await pause(12)
              return `${row} ${rng.next()}`
            })
            .aggregate(4)
            .pipe((batch) => ({ batch })),
        sink: jsonlShards(join(folder, 'out')),
      })
      await Promise.all(Array.from({ length: workers }, () => runWorker(job, { ledger })))
      const results = await resultsOf(ledger)
      const manifest = JSON.parse(await readFile(join(folder, 'out/manifest.json'), 'utf8'))
      const texts = await Promise.all(
        manifest.shards.map((shard: { name: string }) =>
          readFile(join(folder, 'out', shard.name), 'utf8'),
        ),
      )
      await rm(folder, { recursive: true })
      return { lines: texts.join('').trimEnd().split('\n'), parts: results.length }
    }
    const [one, three] = [await run(1), await run(3)]
    assert.equal(one.parts, 1)
    assert.ok(three.parts > 1, 'the shard was split')
    assert.deepEqual(three.lines, one.lines)
  })

  it('gives functions their cursor, their state and a prefix of their own', async () => {
    const ledger = new StoreLedger(new MemoryEntries())
    const prefixes = new Set<string>()
    const cursors: number[] = []
    const job = defineJob({
      shards: [{ name: 'a', data: { x: 1 } }],
      run: async ({ progress, prefix, commit, data }) => {
        assert.deepEqual(data, { x: 1 })
        prefixes.add(prefix)
        cursors.push(progress.cursor)
        const cursor = progress.cursor + 1
        const outputs = [{ name: `${prefix}${cursor}`, count: 1, bytes: 1 }]
        if (cursor === 3) return { cursor, outputs }
        await commit({ cursor, state: { at: cursor }, outputs })
        throw new Error('again')
      },
    })
    const { records, isComplete } = await runWorker(job, { ledger })
    assert.deepEqual([records, isComplete, prefixes.size], [3, true, 3])
    assert.deepEqual(cursors, [0, 1, 2])
    assert.equal((await resultsOf(ledger))[0]!.outputs.length, 3)
  })

  it('stops in its time although code ignores the signal, and releases the shard', async () => {
    const ledger = new StoreLedger(new MemoryEntries())
    const stop = new AbortController()
    const job = defineJob({
      shards: ['a', 'b'],
      run: async ({ commit }) => {
        await commit({ cursor: 4 })
        stop.abort()
        await new Promise(() => {})
      },
    })
    const result = await runWorker(job, { ledger, signal: stop.signal, graceMs: 10 })
    assert.deepEqual([result.isComplete, result.shards], [false, 0])
    const { waiting, running } = await ledger.status()
    assert.deepEqual([waiting, running], [2, 0])
    const answer = await ledger.lease('next')
    const next = answer.kind === 'lease' ? answer.lease : undefined
    const other = await ledger.lease('next')
    const cursors = [next, other.kind === 'lease' ? other.lease : undefined].map(
      (lease) => lease?.progress.cursor,
    )
    assert.deepEqual(cursors.sort(), [0, 4])
  })

  it('keeps its leases while code blocks its event loop', async () => {
    await withFolder(async (folder) => {
      const place = join(folder, 'run')
      const job = defineJob({
        shards: ['a'],
        leaseMs: 600,
        run: async () => {
          const end = clockMs() + 2500
          while (clockMs() < end);
        },
      })
      const ledger = await openLedger(place)
      await openJob(job, ledger)
      // Another thread watches, as another worker would.
      const watching = new Worker(new URL('./lease-watcher.ts', import.meta.url), {
        workerData: place,
      })
      await once(watching, 'message')
      const result = await runWorker(job, { ledger: place })
      watching.postMessage('end')
      const [taken] = await once(watching, 'message')
      assert.deepEqual([result.shards, taken], [1, 0])
    })
  })

  it('loses its shard at once when another worker has it', async () => {
    const entries = new MemoryEntries()
    const ledger = new StoreLedger(entries)
    const kinds: string[] = []
    const job = defineJob({
      shards: ['a'],
      leaseMs: 300,
      run: async ({ signal, commit }) => {
        // As if this process had been stopped for longer than a lease.
        await ledger.forget('first')
        const thief = new StoreLedger(entries)
        const answer = await thief.lease('thief')
        assert.equal(answer.kind, 'lease')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await assert.rejects(commit({ cursor: 1 }), { code: 'ERR_LEASE_LOST' })
        await thief.complete((answer as { lease: Lease }).lease, { cursor: 5 })
        signal.throwIfAborted()
      },
    })
    const onEvent = ({ kind }: WorkerEvent) => kinds.push(kind)
    const { isComplete, shards } = await runWorker(job, { ledger, worker: 'first', onEvent })
    assert.deepEqual([isComplete, shards, kinds], [true, 0, ['leased', 'lost']])
    assert.equal((await resultsOf(ledger))[0]!.cursor, 5)
  })

  it('refuses jobs that cannot be right, and ledgers of other jobs', async () => {
    const sink = jsonlShards('out')
    const pipeline = () => new PipelineBuilder().addSource([1])
    const bad = { code: 'ERR_BAD_OPTION' }
    for (const job of [
      {},
      { shards: ['a'] },
      { shards: ['a'], pipeline },
      { shards: ['a'], pipeline, sink: { open: async () => {} } },
      { shards: ['a'], pipeline, sink, run: async () => {} },
      { shards: ['a'], run: async () => {}, leaseMs: 5 },
      { shards: 5, run: async () => {} },
    ])
      assert.throws(() => defineJob(job as never), bad)
    const ledger = new StoreLedger(new MemoryEntries())
    const unnamed = defineJob({ shards: [{ name: '' }], run: async () => {} })
    await assert.rejects(runWorker(unnamed, { ledger }), bad)
    await openJob(defineJob({ shards: ['a'], run: async () => {} }), ledger)
    const other = defineJob({ shards: ['b'], run: async () => {} })
    await assert.rejects(openJob(other, ledger), { code: 'ERR_EPOCH_MISMATCH' })
    const reseeded = defineJob({ shards: ['a'], seed: 1, run: async () => {} })
    await assert.rejects(runWorker(reseeded, { ledger }), { code: 'ERR_EPOCH_MISMATCH' })
    await assert.rejects(openLedger('https://host/x'), bad)
  })
})
