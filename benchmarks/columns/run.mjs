// Reading a table of 200 000 rows (id, score, text, 64 floats) from Parquet and CSV.
//   npm install && node run.mjs [--rounds 3] [--python PYTHON]
// Contestants take turns, each in a process of its own; CPU seconds are of the reading alone, all
// threads together. pyarrow takes part if PYTHON has it.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    python: { type: 'string', default: 'python3' },
  },
})
const here = dirname(fileURLToPath(import.meta.url))
const folder = join(tmpdir(), 'spindle-columns')
const file = join(folder, 'table.parquet')
const contestants = {
  parquet: ['spindle columns', 'duckdb chunks', 'pyarrow all', 'hyparquet columns', 'spindle rows'],
  'parquet, id and text': [
    'spindle columns id and text',
    'duckdb chunks id and text',
    'pyarrow some',
  ],
  csv: ['spindle csv columns', 'duckdb csv'],
}

await makeInputs()
const hasPyarrow = spawnSync(values.python, ['-c', 'import pyarrow']).status === 0
const results = {}
for (let round = 0; round < Number(values.rounds); round++)
  for (const name of Object.values(contestants).flat()) {
    if (name.startsWith('pyarrow') && !hasPyarrow) continue
    results[name] ??= []
    results[name].push(measure(name))
  }

const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version }
const table = {}
for (const [subject, names] of Object.entries(contestants))
  for (const name of names) {
    const cells = results[name]
    if (cells === undefined) continue
    const first = Math.min(...cells.map((cell) => cell.first))
    const best = Math.min(...cells.map((cell) => cell.best))
    table[name] = { subject, 'first, CPU s': first.toFixed(2), 'warm, CPU s': best.toFixed(2) }
  }
console.table(table)
console.log(JSON.stringify({ machine, results }))

function measure(name) {
  const [command, args] = name.startsWith('pyarrow')
    ? [values.python, [join(here, 'cell.py'), name.split(' ')[1], file]]
    : [process.execPath, [join(here, 'cell.mjs'), name, folder]]
  return JSON.parse(execFileSync(command, args, { cwd: here, encoding: 'utf8' }))
}

async function makeInputs() {
  if (existsSync(file)) return
  mkdirSync(folder, { recursive: true })
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create()).connect()
  const rows = `SELECT i AS id, random() AS score, 'row ' || i || ' of the table' AS text`
  const embedding = 'list_transform(range(64), x -> random()::FLOAT) AS embedding'
  const range = 'FROM range(200000) t(i)'
  await connection.run(
    `COPY (${rows}, ${embedding} ${range}) TO '${file}' (ROW_GROUP_SIZE 25000, COMPRESSION snappy)`,
  )
  await connection.run(`COPY (${rows} ${range}) TO '${join(folder, 'table.csv')}' (HEADER)`)
}
