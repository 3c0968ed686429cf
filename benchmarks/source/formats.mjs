// The same rows in each format: size, CPU seconds to write, to read all in order, and to read 64
// rows at random positions. For the table of docs/choosing-a-format.md.
//   npm run build
//   node benchmarks/source/formats.mjs [--rows 50000] [--rounds 3]       about 2 minutes
// A row is an id, a label, a caption of 40 characters and 64 float32. Each cell is a process of its
// own; medians of CPU seconds are printed, the start of the process left out.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    cell: { type: 'string' },
    folder: { type: 'string' },
  },
})
const ROWS = Number(values.rows)
const SIDE = 64
const BATCH = 256
const WANTED = 64
const FORMATS = ['jsonl', 'jsonl.gz', 'npy', 'safetensors', 'parquet', 'tar']

if (values.cell === undefined) table()
else await cell(...values.cell.split(' '))

function table() {
  console.log('| format | MB | write | read in order | 64 rows at random |')
  console.log('|---|---|---|---|---|')
  for (const format of FORMATS) {
    const folder = mkdtempSync(join(tmpdir(), 'formats-'))
    try {
      const write = median(() => {
        rmSync(join(folder, 'out'), { recursive: true, force: true })
        return measure('write', format, folder)
      })
      const read = median(() => measure('read', format, folder))
      const random = median(() => measure('random', format, folder))
      console.log(
        `| ${format} | ${(bytesIn(join(folder, 'out')) / 1e6).toFixed(1)} | ${[write, read, random].map((one) => `${one.toFixed(2)} s`).join(' | ')} |`,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function bytesIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.startsWith('shard-') && !name.endsWith('.json'))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

function median(work) {
  const all = Array.from({ length: Number(values.rounds) }, work)
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
}

function measure(what, format, folder) {
  const self = fileURLToPath(import.meta.url)
  const args = [self, '--cell', `${what} ${format}`, '--folder', folder, '--rows', values.rows]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

async function cell(what, format) {
  const io = await import('@spindle/io')
  const { PipelineBuilder } = await import('spindle')
  const { jsonlShards } = await import('spindle/sinks')
  const { fromJsonLines, shuffled, take } = await import('spindle/source')
  const place = join(values.folder, 'out')
  const files = (ending) => join(place, `shard-*.${ending}`)
  const isBatched = format === 'npy' || format === 'safetensors'
  const sinks = {
    jsonl: () => jsonlShards(place),
    'jsonl.gz': () => jsonlShards(place, { compress: 'gzip' }),
    npy: () => io.npyShards(place),
    safetensors: () => io.safetensorsShards(place),
    parquet: () => io.parquetShards(place),
    tar: () => io.tarShards(place),
  }
  const seekable = {
    jsonl: () => fromJsonLines(files('jsonl')),
    'jsonl.gz': () => fromJsonLines(files('jsonl.gz')),
    parquet: () => io.fromParquet(files('parquet')),
    tar: () => io.fromWebDataset(files('tar')),
  }
  const shard = join(place, `shard-000000.${format}`)
  const positions = Array.from({ length: WANTED }, (_, n) => (n * 7919) % ROWS)
  const cpu = process.cpuUsage()
  if (what === 'write') {
    const items = isBatched ? batches(format) : rows(format)
    await new PipelineBuilder().addSource(items).build().writeTo(sinks[format]())
  } else if (isBatched) {
    const rowsAt = (at) => (format === 'npy' ? io.loadNpy(shard, at) : io.loadSafetensors(shard))
    if (what === 'read') await rowsAt({})
    else if (format === 'npy') for (const at of positions) await rowsAt({ rows: [at, at + 1] })
    else await rowsAt({})
  } else {
    const source = await seekable[format]()
    let count = 0
    // Streams have no random access: what a shuffle of them costs is reading all.
    const isRandom = what === 'random' && source.size !== undefined && format !== 'jsonl.gz'
    for await (const _ of isRandom ? take(shuffled(source), WANTED) : source) count++
    if (count === 0) throw new Error('nothing was read')
  }
  const { user, system } = process.cpuUsage(cpu)
  console.log((user + system) / 1e6)
}

/** Numbers that no compression makes small, as in embeddings. */
function noise(n) {
  return (Math.imul(n + 1, 2654435761) >>> 8) / 2 ** 24
}

function* rows(format) {
  for (let n = 0; n < ROWS; n++) {
    const embedding = Float32Array.from({ length: SIDE }, (_, at) => noise(n * SIDE + at))
    const row = { id: n, label: n % 10, text: `caption of picture ${n} `.padEnd(40, 'x') }
    if (format !== 'tar') yield { ...row, embedding: [...embedding] }
    else
      yield {
        __key__: String(n).padStart(8, '0'),
        files: { json: row, npy: { data: embedding, dtype: 'float32', shape: [SIDE] } },
      }
  }
}

function* batches(format) {
  for (let n = 0; n < ROWS; n += BATCH) {
    const count = Math.min(BATCH, ROWS - n)
    const data = Float32Array.from({ length: count * SIDE }, (_, at) => noise(n * SIDE + at))
    const embedding = { data, dtype: 'float32', shape: [count, SIDE] }
    if (format === 'npy') yield embedding
    else yield { embedding, id: Int32Array.from({ length: count }, (_, at) => n + at) }
  }
}
