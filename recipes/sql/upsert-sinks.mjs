// Sinks that put items into databases under keys. The key comes of the item's lineage: the key of
// its source row, and its number among what came of that row. The same item always has the same
// key, so what is written again after a crash takes the place of what was there.
import { openStore } from 'spindle/source'

/** Items of a commit. */
const BATCH = 256

/**
 * A sink of rows in a transaction of PostgreSQL, with the state of the pipeline in the same
 * transaction: both are there after a crash, or neither. With the extension pgvector, a column may
 * be a `vector`; its text is `[1,2,3]`.
 *
 * @param {import('pg').Pool} pool
 * @param {{ table: string, key: string, run: string }} options `run` names the job
 */
export function postgresSink(pool, { table, key, run }) {
  return {
    async open({ resume }) {
      await pool.query(
        'CREATE TABLE IF NOT EXISTS spindle_runs (run text PRIMARY KEY, version bigint NOT NULL, state jsonb, result jsonb)',
      )
      await pool.query(
        'INSERT INTO spindle_runs VALUES ($1, 0, NULL, NULL) ON CONFLICT DO NOTHING',
        [run],
      )
      // A writer that opened earlier is refused at its next commit.
      const { rows } = await pool.query(
        'UPDATE spindle_runs SET version = version + 1 WHERE run = $1 RETURNING version, state, result',
        [run],
      )
      let { version } = rows[0]
      if (!resume && rows[0].state !== null)
        throw Object.assign(new Error(`the run ${run} has begun: pass \`resume: true\``), {
          code: 'ERR_EXISTS',
        })
      let pending = []
      const commit = async (state, result = null) => {
        const items = pending
        pending = []
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          if (items.length > 0) await client.query(upsertOf(table, key, items))
          const next = await client.query(
            'UPDATE spindle_runs SET version = version + 1, state = $2, result = $3 WHERE run = $1 AND version = $4 RETURNING version',
            [run, JSON.stringify(state ?? null), JSON.stringify(result), version],
          )
          if (next.rowCount !== 1)
            throw Object.assign(new Error(`another writer has taken the run ${run}`), {
              code: 'ERR_CHECKPOINT_TAKEN',
            })
          await client.query('COMMIT')
          version = next.rows[0].version
        } catch (error) {
          await client.query('ROLLBACK').catch(() => {})
          throw error
        } finally {
          client.release()
        }
      }
      return {
        state: rows[0].state ?? undefined,
        result: rows[0].result ?? undefined,
        get isDue() {
          return pending.length >= BATCH
        },
        write: (item) => void pending.push(item),
        commit,
        async complete(state) {
          const result = { isComplete: true }
          await commit(state, result)
          return result
        },
        async abort() {},
      }
    },
  }
}

/** One statement for all items. Of two with one key, PostgreSQL takes only the last. */
function upsertOf(table, key, items) {
  const columns = Object.keys(items[0])
  const unique = [...new Map(items.map((item) => [item[key], item])).values()]
  const values = unique.flatMap((item) => columns.map((column) => item[column]))
  const row = (_, at) => `(${columns.map((__, i) => `$${at * columns.length + i + 1}`).join(', ')})`
  const others = columns.filter((column) => column !== key)
  const set = others.map((column) => `${column} = excluded.${column}`).join(', ')
  return {
    text: `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${unique.map(row).join(', ')}
      ON CONFLICT (${key}) DO UPDATE SET ${set}`,
    values,
  }
}

/**
 * A sink of a database without transactions: each commit upserts the items, and then stores the
 * state in a folder or bucket. After a crash in between, the items of one commit are upserted
 * again, under the same keys.
 *
 * @param {string} place of the state, as `openStore` takes it
 * @param {(items: object[]) => Promise<void>} upsert resolves when the items are durable
 */
export function upsertSink(place, upsert) {
  return {
    async open({ resume }) {
      const store = openStore(place)
      const known = await store.head('state.json')
      const saved = known && JSON.parse(await store.read('state.json'))
      if (saved !== undefined && !resume)
        throw Object.assign(new Error(`${place} has a state: pass \`resume: true\``), {
          code: 'ERR_EXISTS',
        })
      let pending = []
      const commit = async (state, result) => {
        const items = pending
        pending = []
        if (items.length > 0) await upsert(items)
        await store.create('state.json', JSON.stringify({ state, result }))
      }
      return {
        state: saved?.state,
        result: saved?.result,
        get isDue() {
          return pending.length >= BATCH
        },
        write: (item) => void pending.push(item),
        commit,
        async complete(state) {
          const result = { isComplete: true }
          await commit(state, result)
          return result
        },
        async abort() {},
      }
    },
  }
}

/** Upserts into a table of LanceDB, which is made by the first items. */
export function lanceUpsert(database, { table: name, key }) {
  let table
  return async (items) => {
    const unique = [...new Map(items.map((item) => [item[key], item])).values()]
    if (table === undefined) {
      const names = await database.tableNames()
      if (!names.includes(name)) {
        table = await database.createTable(name, unique)
        return
      }
      table = await database.openTable(name)
    }
    await table.mergeInsert(key).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(unique)
  }
}

/**
 * Upserts into a collection of Qdrant, over its HTTP interface. Its ids are UUIDs, so they are made
 * of the keys: version 8, of a digest.
 *
 * @param {string} url of the server
 * @param {{ collection: string, key: string, vector: string, fetch?: typeof fetch }} options
 */
export function qdrantUpsert(url, { collection, key, vector, fetch = globalThis.fetch }) {
  return async (items) => {
    const points = await Promise.all(
      items.map(async ({ [vector]: values, ...payload }) => ({
        id: await uuidOf(String(payload[key])),
        vector: values,
        payload,
      })),
    )
    const response = await fetch(`${url}/collections/${collection}/points?wait=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ points }),
    })
    if (!response.ok)
      throw new Error(`Qdrant answered ${response.status}: ${await response.text()}`)
  }
}

async function uuidOf(key) {
  const digest = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)),
  )
  digest[6] = (digest[6] & 0x0f) | 0x80
  digest[8] = (digest[8] & 0x3f) | 0x80
  const hex = Buffer.from(digest.subarray(0, 16)).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
