import type { WorkerTable } from 'spindle'
import type { BatchReply } from '../session/batch-protocol.ts'

/** What one session of a model has done. Times are in milliseconds. */
export interface SessionStats {
  /** Process and thread of the session, `4711:3`. */
  readonly worker: string
  /** What computes: `cpu`, `cuda`, `webgpu`, … `undefined` if the backend does not tell. */
  readonly provider: string | undefined
  readonly batches: number
  readonly items: number
  /** Runs of the model: more than `batches` if batches were split to find a failing item. */
  readonly runs: number
  /** Mean number of items of a batch, and the same as a share of the largest batch, 0 to 1. */
  readonly batchSize: number
  readonly fill: number
  /** Mean time from an item's arrival to the begin of its batch. */
  readonly waitMs: number
  /** Mean time of a batch in the session. */
  readonly runMs: number
  /** Total time in which the session ran batches. */
  readonly busyMs: number
  /** Time that opening the session and its warm-up took. */
  readonly loadMs: number
}

/** What the sessions of a model have done. */
export interface ModelStats {
  /** Also sessions that have ended, for example because their process died. */
  readonly sessions: readonly SessionStats[]
  /** Items that wait for a batch, and items in batches that run. */
  readonly waiting: number
  readonly running: number
  /** Items that failed in the model. */
  readonly failures: number
  /** Sentences of the sessions, for example that a provider was not found. */
  readonly notes: readonly string[]
}

interface Sums {
  provider: string | undefined
  batches: number
  items: number
  runs: number
  waitMs: number
  busyMs: number
  loadMs: number
}

/** Collects the figures of sessions. */
export class SessionCounters {
  failures = 0
  readonly #max: number
  readonly #sums: Map<string, Sums> = new Map()
  readonly #notes: Set<string> = new Set()

  constructor(max: number) {
    this.#max = max
  }

  /** `waitMs`: the total time that the items waited. */
  add({ session, runMs, runs }: BatchReply, items: number, waitMs: number): void {
    const { worker, provider, notes, loadMs } = session
    let sums = this.#sums.get(worker)
    if (sums === undefined) {
      sums = { provider, batches: 0, items: 0, runs: 0, waitMs: 0, busyMs: 0, loadMs }
      this.#sums.set(worker, sums)
    }
    sums.batches++
    sums.items += items
    sums.runs += runs
    sums.waitMs += waitMs
    sums.busyMs += runMs
    for (const note of notes) this.#notes.add(note)
  }

  get busyMs(): number {
    return [...this.#sums.values()].reduce((sum, { busyMs }) => sum + busyMs, 0)
  }

  get notes(): readonly string[] {
    return [...this.#notes]
  }

  read(): readonly SessionStats[] {
    return [...this.#sums].map(([worker, sums]) => {
      const { provider, batches, items, runs, waitMs, busyMs, loadMs } = sums
      const batchSize = items / batches
      return {
        ...{ worker, provider, batches, items, runs, batchSize },
        fill: batchSize / this.#max,
        waitMs: waitMs / items,
        runMs: busyMs / batches,
        ...{ busyMs, loadMs },
      }
    })
  }

  /** The figures as a table of the report. */
  table(): WorkerTable {
    const columns = ['session', 'batches', 'items', 'batch', 'fill', 'wait', 'run', 'on'] as const
    const rows = this.read().map((one, i) => [
      String(i + 1),
      one.batches,
      one.items,
      one.batchSize.toFixed(1),
      `${Math.round(one.fill * 100)} %`,
      `${one.waitMs.toFixed(1)} ms`,
      `${one.runMs.toFixed(1)} ms`,
      one.provider ?? '-',
    ])
    return { title: 'session', columns, rows, notes: this.notes }
  }
}
