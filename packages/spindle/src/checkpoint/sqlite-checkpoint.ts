import { badOption } from '../check.ts'
import { messageOf, SpindleError } from '../errors.ts'
import { is, options, type Rules } from '../options/index.ts'
import { brokenCheckpoint, isState, takenCheckpoint, takeState } from './checkpoint-state.ts'

/**
 * The required part of a SQLite connection. `DatabaseSync` of `node:sqlite` (Node >= 22.5) and
 * `Database` of better-sqlite3 have it.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

/** The required part of a prepared statement. */
export interface SqliteStatement {
  run(...parameters: (string | number)[]): unknown
  get(...parameters: (string | number)[]): unknown
}

/** Options of {@link SqliteCheckpoint}. */
export interface SqliteCheckpointOptions {
  /**
   * Distinguishes checkpoints in one database: of several pipelines, or of the ranks of one.
   * Default `'pipeline'`.
   */
  readonly name?: string
  /**
   * Table for the states, made if it is missing. Its name has letters, digits and underscores.
   * Default `'spindle_checkpoint'`.
   */
  readonly table?: string
}

const checkpointOptions = options('SqliteCheckpointOptions', {
  name: is('a string that is not empty', (value) => typeof value === 'string' && value !== '', {
    default: 'pipeline',
  }),
  table: is(
    'a name of letters, digits and underscores that does not begin with a digit',
    (value) => typeof value === 'string' && /^[A-Za-z_]\w*$/.test(value),
    { default: 'spindle_checkpoint' },
  ),
} satisfies Rules<SqliteCheckpointOptions>)

/**
 * Commits rows of a SQLite database in one transaction with the state of the pipeline that they
 * come from. After a crash at any point, the database holds exactly what the state says is done.
 * With a pipeline that is resumed from `state`, every item is in the database exactly once.
 *
 * Of several runs with the same `name`, the first to commit wins. The others get
 * `ERR_CHECKPOINT_TAKEN`, and nothing of them is written. After a failed commit, all further ones
 * fail (`ERR_CHECKPOINT_BROKEN`), because the pipeline may be ahead of the database: start again
 * and build the pipeline from `state`.
 *
 * @example
 * ```ts
 * const database = new DatabaseSync('captions.db')
 * const output = new SqliteCheckpoint<PipelineState>(database)
 * const insert = database.prepare('INSERT INTO captions VALUES (?, ?)')
 * const pipeline = builder.build({ resumable: true, ...(output.state && { state: output.state }) })
 * for await (const batch of pipeline) {
 *   output.commit(() => {
 *     for (const { id, text } of batch) insert.run(id, text)
 *     pipeline.commit(batch)
 *     return pipeline.state()
 *   })
 * }
 * output.commit(() => pipeline.state())
 * ```
 */
export class SqliteCheckpoint<S extends object> {
  readonly #database: SqliteDatabase
  readonly #name: string
  readonly #read: SqliteStatement
  readonly #save: SqliteStatement
  #commits = 0
  #state: S | undefined
  #fault: { readonly cause: unknown } | undefined

  /**
   * @param database a connection that is not in a transaction now; the caller closes it
   * @throws `ERR_BAD_CHECKPOINT` if the table does not hold a state
   */
  constructor(database: SqliteDatabase, options: SqliteCheckpointOptions = {}) {
    checkDatabase(database)
    const { name, table } = checkpointOptions.check(options)
    this.#database = database
    this.#name = name
    database.exec(
      `CREATE TABLE IF NOT EXISTS "${table}" (name TEXT PRIMARY KEY, commits INTEGER NOT NULL, state TEXT NOT NULL)`,
    )
    this.#read = database.prepare(`SELECT commits, state FROM "${table}" WHERE name = ?`)
    this.#save = database.prepare(
      `INSERT INTO "${table}" (name, commits, state) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET commits = excluded.commits, state = excluded.state`,
    )
    const row = this.#row()
    this.#commits = commitsOf(table, name, row.commits)
    this.#state = row.state === undefined ? undefined : parseState(table, name, row.state)
  }

  /** State of the last commit; `undefined` before the first. */
  get state(): S | undefined {
    return this.#state
  }

  /** Number of commits, those of earlier runs included. */
  get commits(): number {
    return this.#commits
  }

  /**
   * Commits what `work` writes on this connection together with the state that it returns: both or
   * neither.
   *
   * @param work a synchronous function that writes with plain statements, commits the written items
   *   in the pipeline, and returns `pipeline.state()`. It runs inside a transaction and must not
   *   begin or end one; savepoints are allowed. If it throws, everything is rolled back and the
   *   error is thrown on.
   * @throws `ERR_CHECKPOINT_TAKEN` if another run has committed under this name since; errors of
   *   the database
   */
  commit(work: () => S): void {
    if (this.#fault !== undefined) throw brokenCheckpoint(this.#fault.cause)
    // `IMMEDIATE` takes the write lock first: waiting for other writers then happens before the
    // pipeline moves, and can be retried.
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      if (this.#row().commits !== this.#commits) throw takenCheckpoint(`"${this.#name}"`)
      const state = takeState(work)
      this.#save.run(this.#name, this.#commits + 1, JSON.stringify(state))
      this.#database.exec('COMMIT')
      this.#state = state
      this.#commits++
    } catch (error) {
      this.#fault = { cause: error }
      this.#rollBack()
      throw error
    }
  }

  #row(): { commits: number; state: string | undefined } {
    const row = this.#read.get(this.#name) as
      | { commits: number | bigint; state: string }
      | undefined
    return { commits: Number(row?.commits ?? 0), state: row?.state }
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {} // SQLite has rolled back already, or the connection is lost: the first error matters
  }
}

function parseState<S extends object>(table: string, name: string, text: string): S {
  const place = `table "${table}" holds no state under "${name}"`
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch (error) {
    throw new SpindleError('ERR_BAD_CHECKPOINT', `${place}: ${messageOf(error)}`, { cause: error })
  }
  if (!isState(state)) throw new SpindleError('ERR_BAD_CHECKPOINT', `${place}: it is no object`)
  return state as S
}

/** A connection may be configured to return integers as bigints. */
function commitsOf(table: string, name: string, count: number | bigint): number {
  const commits = Number(count)
  if (Number.isSafeInteger(commits) && commits >= 0) return commits
  throw new SpindleError(
    'ERR_BAD_CHECKPOINT',
    `table "${table}" has no count of commits under "${name}"`,
  )
}

function checkDatabase(database: unknown): void {
  const candidate = database as Partial<SqliteDatabase> | null | undefined
  if (typeof candidate?.exec !== 'function' || typeof candidate.prepare !== 'function')
    badOption(
      'database',
      'a `DatabaseSync` of node:sqlite or a `Database` of better-sqlite3',
      database,
    )
}
