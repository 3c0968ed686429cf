// One measurement: node cell.mjs <contestant> <folder>. Prints {"mb","seconds","cpuSeconds"}: from
// the first item to the return, everything on the disk.
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { npyFile, npyShards, tarShards } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'

const [, , contestant, folder] = process.argv
const [what, kind] = contestant.split(' ')
const digest = kind === 'digest' ? 'sha256' : false
const bytes = Buffer.alloc(128 * 1024, 'spindle ')
const rows = { data: new Float32Array(256 * 256).fill(0.5), dtype: 'float32', shape: [256, 256] }
const record = { id: 7, caption: 'a cat on a chair in front of a window', scores: [0.1, 0.2, 0.3] }

function* items(count, make) {
  for (let n = 0; n < count; n++) yield make(n)
}
const sample = (n) => ({ __key__: String(n).padStart(6, '0'), files: { bin: bytes } })
const cells = {
  tarShards: [items(2000, sample), () => tarShards(folder, { digest })],
  npyShards: [items(1000, () => rows), () => npyShards(folder, { digest })],
  npyFile: [items(1000, () => rows), () => npyFile(folder)],
  jsonlShards: [items(1e6, () => record), () => jsonlShards(folder, { digest })],
}
/** The bytes that the sinks write, as one sequential write of large pieces. */
const written = {
  tar: [2000, bytes.length + 512],
  npy: [1000, rows.data.byteLength],
  jsonl: [1e6 / 1000, 1000 * (JSON.stringify(record).length + 1)],
}

const begin = performance.now()
const cpu = process.cpuUsage()
let size
if (what === 'write') {
  const [count, each] = written[kind]
  const piece = Buffer.alloc(1 << 20, 1)
  size = count * each
  mkdirSync(folder)
  const file = await open(join(folder, 'all'), 'w')
  for (let left = size; left > 0; left -= piece.length)
    await file.write(piece, 0, Math.min(left, piece.length))
  await file.datasync()
  await file.close()
} else {
  const [source, sink] = cells[what]
  const result = await new PipelineBuilder().addSource(source).build().writeTo(sink())
  size = result.bytes
}
const seconds = (performance.now() - begin) / 1000
const { user, system } = process.cpuUsage(cpu)
console.log(JSON.stringify({ mb: size / 1e6, seconds, cpuSeconds: (user + system) / 1e6 }))
