import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { ShardResult } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { readChunkResults, resultOf } from './chunk-results.ts'
import { ChunkView, inOrder, type KnownShard } from './chunk-view.ts'
import { isFinal } from './entry.ts'
import { readChunk } from './epoch-files.ts'
import { chunkCount, doneName } from './names.ts'
import type { ShardLogs } from './shard-log.ts'

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
