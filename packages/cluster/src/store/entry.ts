import type { ShardProgress, ShardRange } from '../contract/progress.ts'
import { ClusterError, messageOf } from '../errors.ts'

const VERSION = 1

/**
 * How a shard is since its newest entry.
 *
 * ```
 *            ┌── commit, split ──┐
 *            ▼                   │
 * (none) ─▶ lease ──────────────┴─▶ done
 *   ▲        │  ▲ (another worker, when the holder is lost)
 *   │        ▼  │
 *   └─ release, failed ─▶ dead ─▶ release (revive)
 * ```
 */
export type EntryKind = 'lease' | 'commit' | 'split' | 'release' | 'failed' | 'dead' | 'done'

/** One entry in the log of a shard. It holds everything, so only the newest must be read. */
export interface Entry {
  readonly version: number
  readonly kind: EntryKind
  /** Random, so that a writer recognizes its own entry when the answer was lost. */
  readonly token: string
  readonly worker: string
  /** Number of the entry with which the lease began. */
  readonly fence: number
  /** Fences of earlier leases, the last 32. */
  readonly earlier: readonly number[]
  readonly progress: ShardProgress
  readonly range: ShardRange
  /** Ranges that were split off. Part `n`, from 1, has the key `<key>+n`. */
  readonly parts: readonly ShardRange[]
  readonly failures: number
  readonly losses: number
  readonly error?: string
}

export function isHeld(kind: EntryKind): boolean {
  return kind === 'lease' || kind === 'commit' || kind === 'split'
}

export function isFinal(kind: EntryKind): boolean {
  return kind === 'done' || kind === 'dead'
}

export function entryText(entry: Omit<Entry, 'version'>): string {
  return JSON.stringify({ version: VERSION, ...entry })
}

/** @throws `ERR_BAD_LEDGER` */
export function parseEntry(url: string, name: string, text: string): Entry {
  const entry = parseJson(url, name, text) as Partial<Entry>
  if (entry.version !== VERSION || typeof entry.kind !== 'string' || !Array.isArray(entry.parts))
    throw badLedger(url, name, `it is no entry of version ${VERSION}`)
  return entry as Entry
}

/** @throws `ERR_BAD_LEDGER` */
export function parseJson(url: string, name: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (error) {
    throw badLedger(url, name, messageOf(error))
  }
  throw badLedger(url, name, 'it holds no object')
}

export function badLedger(url: string, name: string, problem: string): ClusterError {
  return new ClusterError('ERR_BAD_LEDGER', `${url}: "${name}" is damaged: ${problem}`)
}
