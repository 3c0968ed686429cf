import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { ShardFailure, ShardResult } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { inOrder, type KnownShard } from './chunk-view.ts'
import { isFinal, isHeld, parseJson } from './entry.ts'
import { inParallel } from './in-parallel.ts'
import { doneName, logFolder } from './names.ts'

const DELETES = 16

/** What became of the shards of a chunk that is done. */
export interface ChunkResults {
  readonly done: number
  readonly dead: number
  readonly records: number
  readonly bytes: number
  readonly results: readonly ShardResult[]
}

/** The result of a shard that is done or dead. */
export function resultOf({ key, index, spec, newest }: KnownShard): ShardResult {
  const { kind, progress, error } = newest!.entry
  return {
    key,
    index,
    name: spec.name,
    outputs: progress.outputs,
    cursor: progress.cursor,
    isDead: kind === 'dead',
    ...(kind === 'dead' && error !== undefined && { error }),
  }
}

/** The failure of a shard that has one. */
export function failureOf({ key, spec, newest }: KnownShard): ShardFailure[] {
  if (newest === undefined) return []
  const { kind, failures, losses, error } = newest.entry
  if (failures + losses === 0 || kind === 'done') return []
  const attempts = failures + losses
  const isDead = kind === 'dead'
  const text = error ?? (isHeld(kind) ? 'a worker was lost' : 'no error was recorded')
  return [{ key, name: spec.name, attempts, error: text, isDead }]
}

/**
 * Writes the results of a chunk whose shards are all done or dead, and then deletes its entries.
 * Those of dead shards stay, so that they can be revived.
 */
export async function finishChunk(
  entries: EntryStore,
  chunk: number,
  shards: readonly KnownShard[],
  options?: LedgerCallOptions,
): Promise<void> {
  const results = shards
    .filter(({ newest }) => isFinal(newest!.entry.kind))
    .sort(inOrder)
    .map(resultOf)
  const outputs = results.flatMap((result) => result.outputs)
  const dead = results.filter(({ isDead }) => isDead).length
  const summary: ChunkResults = {
    done: results.length - dead,
    dead,
    records: outputs.reduce((sum, { count }) => sum + count, 0),
    bytes: outputs.reduce((sum, { bytes }) => sum + bytes, 0),
    results,
  }
  await entries.createIfAbsent(doneName(chunk), JSON.stringify(summary), options)
  if (dead > 0) return
  const names: string[] = []
  for await (const name of entries.list(logFolder(chunk), options)) names.push(name)
  await inParallel(names, DELETES, (name) => entries.delete(name, options))
}

/** The results of a chunk; `undefined` if it is not done. */
export async function readChunkResults(
  entries: EntryStore,
  chunk: number,
  options?: LedgerCallOptions,
): Promise<ChunkResults | undefined> {
  const name = doneName(chunk)
  const text = await entries.read(name, options)
  return text === undefined ? undefined : (parseJson(entries.url, name, text) as ChunkResults)
}
