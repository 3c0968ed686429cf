import type { Lease } from '../contract/ledger.ts'
import type { ShardCommit, ShardProgress } from '../contract/progress.ts'
import { ClusterError } from '../errors.ts'
import type { KnownShard } from './chunk-view.ts'
import type { EntryKind } from './entry.ts'
import type { NewEntry } from './shard-log.ts'

/** Earlier leases that are remembered. What older ones left is removed already. */
const MOST_EARLIER = 32

const NOTHING: ShardProgress = { cursor: 0, outputs: [] }

/** The entry that begins a lease. */
export function leaseEntry(shard: KnownShard, worker: string, losses: number): NewEntry {
  const last = shard.newest?.entry
  return {
    kind: 'lease',
    worker,
    fence: undefined,
    earlier: last === undefined ? [] : [...last.earlier, last.fence].slice(-MOST_EARLIER),
    progress: last?.progress ?? NOTHING,
    range: last?.range ?? shard.range,
    parts: last?.parts ?? [],
    failures: last?.failures ?? 0,
    losses,
    ...(last?.error !== undefined && { error: last.error }),
  }
}

/** The lease of an entry that {@link leaseEntry} made. */
export function leaseOf(shard: KnownShard, number: number, entry: NewEntry): Lease {
  const { worker, earlier, progress, range, parts, failures, losses } = entry
  const { spec, index, key } = shard
  return {
    shard: spec,
    index,
    key,
    worker,
    fence: number,
    earlier,
    entry: number,
    progress,
    range,
    parts,
    failures,
    losses,
  }
}

/** The entry that follows a lease's last one. */
export function nextEntry(
  lease: Lease,
  kind: EntryKind,
  changes: Partial<NewEntry> = {},
): NewEntry {
  const { worker, fence, earlier, progress, range, parts, failures, losses } = lease
  return { kind, worker, fence, earlier, progress, range, parts, failures, losses, ...changes }
}

/**
 * What a commit changes. Progress forgets earlier failures.
 *
 * @throws `ERR_BAD_OPTION` if the cursor is no integer or decreases
 */
export function advanced(lease: Lease, commit: ShardCommit): Partial<NewEntry> {
  const { cursor, state, outputs = [] } = commit
  const { progress } = lease
  if (!Number.isSafeInteger(cursor) || cursor < progress.cursor)
    throw new ClusterError(
      'ERR_BAD_OPTION',
      `\`cursor\` must be an integer >= ${progress.cursor}, the last one of shard "${lease.shard.name}", got ${cursor}`,
    )
  return {
    progress: {
      cursor,
      ...(state !== undefined && { state }),
      outputs: outputs.length === 0 ? progress.outputs : [...progress.outputs, ...outputs],
    },
    ...(cursor > progress.cursor && { failures: 0, losses: 0 }),
  }
}
