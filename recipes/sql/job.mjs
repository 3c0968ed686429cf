// Reads documents from a table, makes two vectors of each, and puts them into a database. Start it
// again after a crash, as often as needed: no vector is lost or doubled.
//   node job.mjs sqlite|postgres|duckdb pgvector|lance|qdrant FOLDER
// DATABASE_URL is the PostgreSQL server, QDRANT_URL the Qdrant server; SQLite, DuckDB and LanceDB
// are files in FOLDER, and so is what the job remembers.
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { PipelineBuilder } from 'spindle'
import { openStore } from 'spindle/source'
import { keysetSource } from './keyset-source.mjs'
import { duckdbTable, postgresTable, sqliteTable } from './tables.mjs'
import { lanceUpsert, postgresSink, qdrantUpsert, upsertSink } from './upsert-sinks.mjs'

const [from = '', to = '', folder = '.'] = process.argv.slice(2)
const columns = ['id', 'text']

let pool
async function postgres() {
  const { default: pg } = await import('pg')
  pool ??= new pg.Pool({ connectionString: process.env.DATABASE_URL })
  return pool
}

const tables = {
  async sqlite() {
    const { DatabaseSync } = await import('node:sqlite')
    return sqliteTable(new DatabaseSync(join(folder, 'docs.db')), { table: 'docs', columns })
  },
  async postgres() {
    return postgresTable(await postgres(), { table: 'docs', columns })
  },
  async duckdb() {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const connection = await (await DuckDBInstance.create()).connect()
    // Parquet files are as good as a table.
    const table = `read_parquet('${join(folder, 'docs.parquet')}')`
    return duckdbTable(connection, { table, columns })
  },
}

const sinks = {
  async pgvector() {
    return postgresSink(await postgres(), {
      table: 'vectors',
      key: 'key',
      run: `${from} to pgvector`,
    })
  },
  async lance() {
    const { connect } = await import('@lancedb/lancedb')
    const database = await connect(join(folder, 'lance'))
    return upsertSink(
      join(folder, 'lance-state'),
      lanceUpsert(database, { table: 'vectors', key: 'key' }),
    )
  },
  async qdrant() {
    const options = { collection: 'vectors', key: 'key', vector: 'embedding' }
    return upsertSink(join(folder, 'qdrant-state'), qdrantUpsert(process.env.QDRANT_URL, options))
  },
}

/** What was the last key when the job began: later runs read no more. */
async function rememberedKey(table) {
  const store = openStore(folder)
  const name = `job-${from}-${to}.json`
  const last = await table.lastKey()
  if (typeof last === 'bigint')
    await store.createIfAbsent(name, JSON.stringify({ bigint: `${last}` }))
  else await store.createIfAbsent(name, JSON.stringify({ last }))
  const { bigint, last: kept } = JSON.parse(await store.read(name))
  return bigint === undefined ? kept : BigInt(bigint)
}

/** Two vectors of a document; a model would be here. */
async function* embed({ id, text }) {
  for (const part of [0, 1]) {
    await wait(10)
    const embedding = Array.from({ length: 4 }, (_, i) => text.length + part + i / 4)
    const isText = to === 'pgvector'
    yield { key: `${id}:${part}`, embedding: isText ? `[${embedding}]` : embedding }
  }
}

const table = await tables[from]()
const source = await keysetSource(table, { upTo: await rememberedKey(table), pageRows: 100 })
const pipeline = new PipelineBuilder()
  .addSource(source)
  .pipe(embed, { concurrency: 8 })
  .build({ resumable: true })
await pipeline.writeTo(await sinks[to](), { resume: true })
await pool?.end()
console.log('complete')
