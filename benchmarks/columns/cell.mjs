// One measurement in a process of its own: node cell.mjs CONTESTANT FOLDER. Prints the CPU seconds
// of reading, with all threads, `first` for the first pass and `best` of five, and a checksum.
import { join } from 'node:path'
import { openFile } from './open-file.mjs'

const [contestant, folder] = process.argv.slice(2)
const file = join(folder, 'table.parquet')
const csv = join(folder, 'table.csv')

const contestants = {
  async 'spindle columns'() {
    const { fromParquet } = await import('@spindle/io')
    let [rows, sum] = [0, 0]
    for await (const batch of await fromParquet(file, { as: 'columns', batchRows: 4096 })) {
      rows += batch.id.shape[0]
      sum += batch.embedding.data[0] + batch.text.data[0].length
    }
    return [rows, sum]
  },
  async 'spindle columns id and text'() {
    const { fromParquet } = await import('@spindle/io')
    const columns = ['id', 'text']
    let [rows, sum] = [0, 0]
    for await (const batch of await fromParquet(file, {
      as: 'columns',
      columns,
      batchRows: 4096,
    })) {
      rows += batch.id.shape[0]
      sum += batch.text.data[0].length
    }
    return [rows, sum]
  },
  async 'spindle rows'() {
    const { fromParquet } = await import('@spindle/io')
    let [rows, sum] = [0, 0]
    for await (const { embedding, text } of await fromParquet(file)) {
      if (rows++ % 4096 === 0) sum += embedding[0] + text.length
    }
    return [rows, sum]
  },
  async 'hyparquet columns'() {
    const { parquetRead } = await import('hyparquet')
    let rows = 0
    const onChunk = ({ columnName, columnData }) => {
      if (columnName === 'id') rows += columnData.length
    }
    const opened = await openFile(file)
    await parquetRead({ file: opened, onChunk })
    await opened.close()
    return [rows, 0]
  },
  async 'duckdb chunks'() {
    return await duckdb(`SELECT * FROM '${file}'`)
  },
  async 'duckdb chunks id and text'() {
    return await duckdb(`SELECT id, text FROM '${file}'`)
  },
  async 'spindle csv columns'() {
    const { fromCsv } = await import('spindle/source')
    const types = { id: 'int32', score: 'float64' }
    let [rows, sum] = [0, 0]
    for await (const batch of await fromCsv(csv, { types, as: 'columns' })) {
      rows += batch.id.shape[0]
      sum += batch.text.data[0].length
    }
    return [rows, sum]
  },
  async 'duckdb csv'() {
    return await duckdb(`SELECT * FROM '${csv}'`)
  },
}

async function duckdb(sql) {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const result = await connection.stream(sql)
  let [rows, sum] = [0, 0]
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    rows += chunk.rowCount
    for (let column = 0; column < chunk.columnCount; column++)
      sum += String(chunk.getColumnVector(column).getItem(0)).length
  }
  connection.closeSync()
  instance.closeSync()
  return [rows, sum]
}

const seconds = []
let checksum
for (let pass = 0; pass < 5; pass++) {
  const before = process.cpuUsage()
  checksum = await contestants[contestant]()
  const { user, system } = process.cpuUsage(before)
  seconds.push((user + system) / 1e6)
}
console.log(JSON.stringify({ first: seconds[0], best: Math.min(...seconds), rows: checksum[0] }))
process.exit(0)
