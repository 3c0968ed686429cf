// Fills the databases, runs job.mjs, kills it by SIGKILL again and again, and compares what is in
// the target with what must be there. Expects POSTGRES_BIN, the folder of PostgreSQL's programs.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'recipe-sql-'))
const ROWS = 400
const KILLS = 3
const texts = Array.from({ length: ROWS }, (_, i) => 'x'.repeat(i % 50))
/** Keys have gaps, as those of real tables do. */
const idOf = (row) => row * 3 + 1
const expected = texts
  .flatMap((text, row) => [0, 1].map((part) => `${idOf(row)}:${part} ${text.length + part}`))
  .sort()

let passed = 0
let failed = 0
const environment = { ...process.env }
const cleanups = []

/** Runs the job, killing it `KILLS` times, and compares. */
async function check(from, to, vectors, change = async () => {}) {
  let killed = 0
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const child = spawn(process.execPath, ['--no-warnings', 'job.mjs', from, to, folder], {
        cwd: here,
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      child.stdout.on('data', (data) => {
        output += data
      })
      const ended = once(child, 'exit')
      if (kill < KILLS) {
        await Promise.race([ended, hasGrown(vectors, (ROWS * 2 * (kill + 1)) / (KILLS + 2))])
        await change(kill)
        child.kill('SIGKILL')
      }
      const [code, signal] = await ended
      if (signal === 'SIGKILL') killed++
      if (kill === KILLS) assert.deepEqual([code, output], [0, 'complete\n'])
    }
    const found = (await vectors()).map(({ key, first }) => `${key} ${first}`).sort()
    assert.deepEqual(found, expected)
    assert.ok(killed > 0, 'the job was over before it was killed')
    passed++
    console.log(
      `ok      ${from} to ${to}: ${found.length} vectors after ${killed} kills, none lost or doubled`,
    )
  } catch (error) {
    failed++
    console.log(`FAILED  ${from} to ${to}: ${error.stack}`)
  }
}

/** Waits until there are so many vectors, or for ten seconds. */
async function hasGrown(vectors, count) {
  for (let i = 0; i < 200; i++) {
    const found = await vectors().catch(() => [])
    if (found.length >= count) return
    await wait(50)
  }
}

function leftOut(what, why) {
  console.log(`left out: ${what}: ${why}`)
}

// PostgreSQL, on a port and in a folder of its own.
async function startPostgres() {
  const bin = process.env.POSTGRES_BIN
  if (!bin) return leftOut('PostgreSQL', 'it is not installed (apt-get install postgresql)')
  const data = join(folder, 'postgres')
  mkdirSync(data)
  // It refuses to run as root.
  const isRoot = process.getuid() === 0
  const user = isRoot ? { uid: 65534, gid: 65534 } : {}
  if (isRoot) {
    chmodSync(folder, 0o755)
    chownSync(data, 65534, 65534)
  }
  const env = { ...process.env, LC_ALL: 'C' }
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'spindle', '-A', 'trust'], {
    env,
    ...user,
  })
  if (made.status !== 0) return leftOut('PostgreSQL', String(made.stderr ?? made.error).trim())
  const port = 20_000 + (process.pid % 20_000)
  const options = ['-D', data, '-p', `${port}`, '-k', data, '-c', 'listen_addresses=127.0.0.1']
  const server = spawn(join(bin, 'postgres'), options, { env, stdio: 'ignore', ...user })
  cleanups.push(async () => {
    const ended = once(server, 'exit')
    server.kill('SIGINT')
    await ended
  })
  environment.DATABASE_URL = `postgres://spindle@127.0.0.1:${port}/postgres`
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: environment.DATABASE_URL })
  cleanups.push(() => pool.end())
  for (let i = 0; ; i++) {
    const isUp = await pool.query('SELECT 1').then(
      () => true,
      () => false,
    )
    if (isUp) break
    if (i > 100) return leftOut('PostgreSQL', 'it does not start')
    await wait(100)
  }
  await pool.query('CREATE TABLE docs (id bigserial PRIMARY KEY, text text NOT NULL)')
  await pool.query('INSERT INTO docs SELECT * FROM unnest($1::bigint[], $2::text[])', [
    texts.map((_, row) => idOf(row)),
    texts,
  ])
  return pool
}

async function fillSqlite() {
  try {
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(folder, 'docs.db'))
    database.exec('CREATE TABLE docs (id INTEGER PRIMARY KEY, text TEXT NOT NULL)')
    const insert = database.prepare('INSERT INTO docs VALUES (?, ?)')
    for (const [row, text] of texts.entries()) insert.run(idOf(row), text)
    database.close()
    return true
  } catch {
    leftOut('SQLite', `node:sqlite needs Node 22.5 or later; this is ${process.version}`)
    return false
  }
}

async function fillDuckDb() {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(
    `COPY (SELECT i * 3 + 1 AS id, repeat('x', (i % 50)::INT) AS text FROM range(${ROWS}) t(i)) TO '${join(folder, 'docs.parquet')}'`,
  )
  connection.closeSync()
  instance.closeSync()
}

/** What stands in for Qdrant, of which no binary is in the registries here: only its upsert. */
async function startQdrant() {
  const points = new Map()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    if (request.method !== 'PUT' || request.url !== '/collections/vectors/points?wait=true') {
      response.writeHead(404).end()
      return
    }
    for (const { id, vector, payload } of JSON.parse(body).points) {
      assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      points.set(id, { key: payload.key, first: vector[0] })
    }
    response.end('{"status":"ok"}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  environment.QDRANT_URL = `http://127.0.0.1:${server.address().port}`
  return async () => [...points.values()]
}

async function lanceVectors() {
  const { connect } = await import('@lancedb/lancedb')
  const database = await connect(join(folder, 'lance'))
  if (!(await database.tableNames()).includes('vectors')) return []
  const table = await database.openTable('vectors')
  const rows = await table
    .query()
    .limit(10 * ROWS)
    .toArray()
  return rows.map(({ key, embedding }) => ({ key, first: [...embedding][0] }))
}

try {
  const pool = await startPostgres()
  const hasSqlite = await fillSqlite()
  await fillDuckDb()
  if (pool !== undefined) {
    const hasVectors = await pool.query('CREATE EXTENSION vector').then(
      () => true,
      () => false,
    )
    if (!hasVectors) leftOut('pgvector', 'PostgreSQL here does not have it; the column is an array')
    await pool.query(
      `CREATE TABLE vectors (key text PRIMARY KEY, embedding ${hasVectors ? 'vector(4)' : 'text'} NOT NULL)`,
    )
    const vectors = async () => {
      const { rows } = await pool.query('SELECT key, embedding::text FROM vectors')
      return rows.map(({ key, embedding }) => ({ key, first: JSON.parse(embedding)[0] }))
    }
    // Rows that come while the job runs belong to the next one.
    await check('postgres', 'pgvector', vectors, (kill) =>
      pool.query("INSERT INTO docs VALUES ($1, 'later')", [10_000 + kill]),
    )
    const clear = () => pool.query('DELETE FROM vectors')
    await clear()
    if (hasSqlite) await check('sqlite', 'pgvector', vectors)
  }
  if (hasSqlite) await check('sqlite', 'lance', lanceVectors)
  else await check('duckdb', 'lance', lanceVectors)
  await check('duckdb', 'qdrant', await startQdrant())
  leftOut('a Qdrant server', 'no binary is in the registries; its upsert ran against a stand-in')
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
