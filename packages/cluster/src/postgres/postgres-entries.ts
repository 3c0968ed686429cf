import type { Pool } from 'pg'
import { importPeer } from '../engines/import-peer.ts'
import { retryCall } from '../engines/retry-call.ts'
import type { ServerPlace } from '../engines/server-url.ts'
import type { EntryCallOptions, EntryStore } from '../entries/entry-store.ts'

const TABLE = 'spindle_entries'
const TIMEOUT_MS = 5000
const CONNECTIONS = 4

const MAKE_TABLE = `
  CREATE TABLE IF NOT EXISTS ${TABLE} (
    ledger text NOT NULL, folder text NOT NULL, name text NOT NULL,
    version bigserial NOT NULL, body text NOT NULL,
    PRIMARY KEY (ledger, folder, name))`
const INSERT = `INSERT INTO ${TABLE} (ledger, folder, name, body) VALUES ($1, $2, $3, $4)`
const NEXT_VERSION = `nextval(pg_get_serial_sequence('${TABLE}', 'version'))`
const WHERE = 'WHERE ledger = $1 AND folder = $2 AND name = $3'

/** Entries in a table of PostgreSQL. `INSERT … ON CONFLICT DO NOTHING` decides. */
export class PostgresEntries implements EntryStore {
  readonly url: string
  readonly #pool: Pool
  readonly #ledger: string
  #isReady: Promise<unknown> | undefined

  constructor(pool: Pool, place: ServerPlace) {
    this.#pool = pool
    this.#ledger = place.name
    this.url = place.shown
  }

  async createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean> {
    const { rowCount } = await this.#query(
      `${INSERT} ON CONFLICT DO NOTHING`,
      [...split(name), text],
      options,
    )
    return rowCount === 1
  }

  async put(name: string, text: string, options?: EntryCallOptions): Promise<void> {
    const replace = `ON CONFLICT (ledger, folder, name) DO UPDATE SET body = $4, version = ${NEXT_VERSION}`
    await this.#query(`${INSERT} ${replace}`, [...split(name), text], options)
  }

  async read(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    const { rows } = await this.#query(`SELECT body FROM ${TABLE} ${WHERE}`, split(name), options)
    return rows[0]?.body
  }

  async version(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    const { rows } = await this.#query(
      `SELECT version FROM ${TABLE} ${WHERE}`,
      split(name),
      options,
    )
    return rows[0]?.version
  }

  async *list(prefix: string, options?: EntryCallOptions): AsyncGenerator<string, void, void> {
    const query = `SELECT name FROM ${TABLE} WHERE ledger = $1 AND folder = $2`
    const { rows } = await this.#query(query, [prefix], options)
    for (const { name } of rows) yield `${prefix}${name}`
  }

  async delete(name: string, options?: EntryCallOptions): Promise<void> {
    await this.#query(`DELETE FROM ${TABLE} ${WHERE}`, split(name), options)
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  #query(
    text: string,
    values: readonly string[],
    options?: EntryCallOptions,
  ): Promise<{ readonly rowCount: number | null; readonly rows: Record<string, string>[] }> {
    const call = async () => {
      await this.#ready()
      return await this.#pool.query<Record<string, string>>(text, [this.#ledger, ...values])
    }
    return retryCall(this.url, call, isTransient, options)
  }

  async #ready(): Promise<void> {
    this.#isReady ??= this.#makeTable()
    try {
      await this.#isReady
    } catch (error) {
      this.#isReady = undefined
      throw error
    }
  }

  /** Two processes that make the table at once can meet: the second finds what the first made. */
  async #makeTable(): Promise<void> {
    try {
      await this.#pool.query(MAKE_TABLE)
    } catch (error) {
      if ((error as { code?: unknown }).code !== '23505') throw error
    }
  }
}

/** Connects to PostgreSQL. @throws `ERR_BACKEND_MISSING` */
export async function connectPostgres(place: ServerPlace, options?: string): Promise<Pool> {
  const { default: pg } = await importPeer('pg', 'PostgreSQL', () => import('pg'))
  const pool = new pg.Pool({
    connectionString: place.connection,
    ...(options !== undefined && { options }),
    max: CONNECTIONS,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    allowExitOnIdle: true,
  })
  // Each call says itself that it failed.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

function split(name: string): [folder: string, name: string] {
  const end = name.lastIndexOf('/') + 1
  return [name.slice(0, end), name.slice(end)]
}

/** Classes 08 and 57P: the connection broke, or the server stops or starts. */
export function isTransient(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  return (
    /^(?:08|57P|53300)/.test(code) ||
    /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/.test(code) ||
    /timeout|terminated|Connection ended/i.test(message)
  )
}
