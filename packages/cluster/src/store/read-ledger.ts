import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { LedgerStatus, ShardFailure, ShardResult } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { failureOf, readChunkResults, resultOf } from './chunk-results.ts'
import { ChunkView, inOrder, type KnownShard } from './chunk-view.ts'
import { isFinal, isHeld } from './entry.ts'
import { readChunk } from './epoch-files.ts'
import { chunkCount, doneName } from './names.ts'
import type { ShardLogs } from './shard-log.ts'
import { readWorkers } from './worker-watch.ts'

const MOST_FAILURES = 100

interface Counts {
  shards: number
  done: number
  dead: number
  running: number
  records: number
  bytes: number
}

/** Reads how an epoch is. It needs a few requests for each chunk that has begun. */
export async function readStatus(
  entries: EntryStore,
  logs: ShardLogs,
  epoch: Epoch,
  options?: LedgerCallOptions,
): Promise<LedgerStatus> {
  const counts: Counts = { shards: 0, done: 0, dead: 0, running: 0, records: 0, bytes: 0 }
  const failures: ShardFailure[] = []
  const chunks = chunkCount(epoch.shardCount)
  for (let chunk = 0; chunk < chunks; chunk++) {
    const finished = await readChunkResults(entries, chunk, options)
    if (finished !== undefined) {
      counts.shards += finished.results.length
      counts.done += finished.done
      counts.dead += finished.dead
      counts.records += finished.records
      counts.bytes += finished.bytes
      for (const { key, name, isDead, error = '' } of finished.results)
        if (isDead) failures.push({ key, name, attempts: 0, error, isDead })
      continue
    }
    for (const shard of await shardsOf(entries, logs, epoch, chunk, options)) {
      count(counts, shard)
      failures.push(...failureOf(shard))
    }
  }
  failures.sort((a, b) => Number(b.isDead) - Number(a.isDead))
  return {
    job: epoch.job,
    epoch: epoch.id,
    isComplete: counts.done + counts.dead === counts.shards,
    ...counts,
    waiting: counts.shards - counts.done - counts.dead - counts.running,
    createdMs: epoch.createdMs,
    leaseMs: epoch.leaseMs,
    workers: await readWorkers(entries, options),
    failures: failures.slice(0, MOST_FAILURES),
  }
}

function count(counts: Counts, { newest }: KnownShard): void {
  counts.shards++
  if (newest === undefined) return
  const { kind, progress } = newest.entry
  if (kind === 'done') counts.done++
  else if (kind === 'dead') counts.dead++
  else if (isHeld(kind)) counts.running++
  for (const output of progress.outputs) {
    counts.records += output.count
    counts.bytes += output.bytes
  }
}

/** Results of the shards that are done or dead, one chunk after the other. */
export async function* readResults(
  entries: EntryStore,
  logs: ShardLogs,
  epoch: Epoch,
  options?: LedgerCallOptions,
): AsyncGenerator<ShardResult, void, void> {
  for (let chunk = 0; chunk < chunkCount(epoch.shardCount); chunk++) {
    const finished = await readChunkResults(entries, chunk, options)
    if (finished !== undefined) yield* finished.results
    else
      for (const shard of await shardsOf(entries, logs, epoch, chunk, options))
        if (shard.newest !== undefined && isFinal(shard.newest.entry.kind)) yield resultOf(shard)
  }
}

/** Lets the dead shards of an epoch be tried again. */
export async function revive(
  entries: EntryStore,
  logs: ShardLogs,
  epoch: Epoch,
  options?: LedgerCallOptions,
): Promise<number> {
  let revived = 0
  for (let chunk = 0; chunk < chunkCount(epoch.shardCount); chunk++) {
    const finished = await readChunkResults(entries, chunk, options)
    if (finished !== undefined && finished.dead === 0) continue
    // First, because entries of a chunk that is done do not count.
    if (finished !== undefined) await entries.delete(doneName(chunk), options)
    for (const { key, newest } of await shardsOf(entries, logs, epoch, chunk, options)) {
      if (newest?.entry.kind !== 'dead') continue
      const free = { ...newest.entry, kind: 'release', failures: 0, losses: 0 } as const
      if (await logs.add(key, newest.number + 1, free, options)) revived++
    }
  }
  return revived
}

/** The shards of a chunk as they are, in order. A chunk without entries costs one listing. */
async function shardsOf(
  entries: EntryStore,
  logs: ShardLogs,
  epoch: Epoch,
  chunk: number,
  options?: LedgerCallOptions,
): Promise<readonly KnownShard[]> {
  const specs = await readChunk(entries, epoch, chunk, options)
  const view = new ChunkView(chunk, specs, logs)
  await view.list(options)
  return [...(await view.read(options))].sort(inOrder)
}
