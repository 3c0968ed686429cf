// Stores a pipeline's statistics: a line of JSON, or rows of SQLite, for each interval. Pass the
// results of these functions to `build({ onStats })`.
import { appendFileSync } from 'node:fs'
import type { StatsEvent } from 'spindle'

/** One row for each stage and interval. */
export interface StatsRow {
  readonly at: string
  readonly kind: StatsEvent['kind']
  readonly pipeline: number
  readonly stage: string
  readonly tasks: number
  readonly emitted: number
  readonly failures: number
  readonly running: number
  readonly queued: number
  readonly backoff: number
  readonly blocked: number
  readonly starved: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly queue_ready: number
}

export function rowsOf({ kind, interval }: StatsEvent): StatsRow[] {
  const at = new Date().toISOString()
  return interval.stages.map(({ name, tasks, emitted, failures, shares, p50Ms, p99Ms, queue }) => ({
    at,
    kind,
    pipeline: interval.pipeline,
    stage: name,
    tasks,
    emitted,
    failures,
    running: shares.running,
    queued: shares.queued,
    backoff: shares.backoff,
    blocked: shares.blocked,
    starved: shares.idle,
    p50_ms: p50Ms,
    p99_ms: p99Ms,
    queue_ready: queue.occupancy,
  }))
}

/**
 * Appends to a file of JSON lines. The write is synchronous: a few hundred bytes every few seconds
 * do not delay the loop.
 */
export function toJsonLines(file: string): (event: StatsEvent) => void {
  return (event) => {
    appendFileSync(
      file,
      rowsOf(event)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    )
  }
}

/**
 * Inserts into the table `stats` of a SQLite file; needs `node:sqlite` (Node >= 22.13). `close` it
 * at the end.
 */
export async function toSqlite(
  file: string,
): Promise<{ readonly onStats: (event: StatsEvent) => void; close(): void }> {
  // In a variable, because the types of Node 20 do not have this module.
  const module: string = 'node:sqlite'
  const { DatabaseSync } = (await import(module)) as {
    DatabaseSync: new (file: string) => Database
  }
  const database = new DatabaseSync(file)
  database.exec(
    'CREATE TABLE IF NOT EXISTS stats (at TEXT, kind TEXT, pipeline INTEGER, stage TEXT, tasks INTEGER, emitted INTEGER, failures INTEGER, running REAL, queued REAL, backoff REAL, blocked REAL, starved REAL, p50_ms REAL, p99_ms REAL, queue_ready REAL)',
  )
  const insert = database.prepare(
    'INSERT INTO stats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  return {
    onStats: (event) => {
      database.exec('BEGIN')
      for (const row of rowsOf(event)) insert.run(...Object.values(row))
      database.exec('COMMIT')
    },
    close: () => database.close(),
  }
}

/** The part of `node:sqlite` that is used. */
interface Database {
  exec(sql: string): void
  prepare(sql: string): { run(...values: unknown[]): unknown }
  close(): void
}
