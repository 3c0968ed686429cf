import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { WorkerReport } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { clockMs } from '../timers.ts'
import { parseJson } from './entry.ts'
import { WORKERS, workerName } from './names.ts'

/** Workers that are remembered. More are forgotten, and watched anew when they are asked for. */
const MOST_WATCHED = 10_000

interface Watched {
  version: string | undefined
  /** When the watcher saw the version first, by its own monotonic clock. */
  sinceMs: number
  hasEnded: boolean
}

/**
 * Decides which workers are lost: those whose report has not changed for the time of a lease, by
 * the watcher's own clock. So clocks of machines need not agree, and a watcher that was stopped
 * itself takes no shard of a worker that renewed meanwhile.
 */
export class WorkerWatch {
  readonly #entries: EntryStore
  readonly #watched = new Map<string, Watched>()

  constructor(entries: EntryStore) {
    this.#entries = entries
  }

  /** Whether a worker is lost or has ended. The first call for a worker only begins to watch it. */
  async isLost(worker: string, leaseMs: number, options?: LedgerCallOptions): Promise<boolean> {
    const name = workerName(worker)
    const version = await this.#entries.version(name, options)
    const known = this.#watched.get(worker)
    if (known === undefined || known.version !== version) {
      if (this.#watched.size >= MOST_WATCHED) this.#watched.clear()
      const text = version === undefined ? undefined : await this.#entries.read(name, options)
      const report =
        text === undefined
          ? undefined
          : (parseJson(this.#entries.url, name, text) as Partial<WorkerReport>)
      const hasEnded = report?.state === 'ended'
      this.#watched.set(worker, { version, sinceMs: clockMs(), hasEnded })
      return hasEnded
    }
    return known.hasEnded || clockMs() - known.sinceMs >= leaseMs
  }
}

/** The reports of all workers. */
export async function readWorkers(
  entries: EntryStore,
  options?: LedgerCallOptions,
): Promise<WorkerReport[]> {
  const names: string[] = []
  for await (const name of entries.list(WORKERS, options)) names.push(name)
  const texts = await Promise.all(names.map((name) => entries.read(name, options)))
  return texts.flatMap((text, at) =>
    text === undefined ? [] : [parseJson(entries.url, names[at]!, text) as WorkerReport],
  )
}
