import type { Lease, LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import type { KnownShard } from './chunk-view.ts'
import { wantedName } from './names.ts'

/** Holders that one idle worker asks at a time. */
const MOST_ASKED = 4

/** Asks the holders of shards to split them: those with the most rows left, if rows are known. */
export async function askHolders(
  entries: EntryStore,
  worker: string,
  shards: readonly KnownShard[],
  options?: LedgerCallOptions,
): Promise<number> {
  const byRest = [...shards].sort((a, b) => restOf(b) - restOf(a)).slice(0, MOST_ASKED)
  for (const { key, newest } of byRest)
    await entries.createIfAbsent(
      wantedName(key, newest!.entry.fence, newest!.entry.parts.length),
      worker,
      options,
    )
  return byRest.length
}

/** Rows that are left, or bytes where rows are unknown. */
function restOf({ spec, newest, range }: KnownShard): number {
  const { start, end = spec.rows ?? spec.bytes ?? 0 } = newest?.entry.range ?? range
  return end - start - (newest?.entry.progress.cursor ?? 0)
}

export async function isAsked(
  entries: EntryStore,
  { key, fence, parts }: Lease,
  options?: LedgerCallOptions,
): Promise<boolean> {
  return (await entries.version(wantedName(key, fence, parts.length), options)) !== undefined
}
