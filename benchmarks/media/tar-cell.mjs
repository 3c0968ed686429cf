// One contestant in a process of its own: node tar-cell.mjs <task> <archive>. It reads the archive
// once for each line on its input, and answers with what that took. Task: one of the keys below.
import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { iterateTar } from '@spindle/io'
import { iterateTarSync, TarIndexSync } from '@spindle/io/sync'
import { importRival } from './rivals.mjs'

const [task, path] = process.argv.slice(2)
const bytes = task.includes('memory') ? readFileSync(path) : undefined
const source = bytes ?? path

async function overAll(members) {
  let total = 0
  for await (const { data } of members) total += data.length
  return total
}

function overAllSync(members) {
  let total = 0
  for (const { data } of members) total += data.length
  return total
}

/** Each member in one buffer, as the others give it. */
async function overTarStream() {
  const { extract } = await importRival('tar-stream')
  return new Promise((resolve, reject) => {
    const extraction = extract()
    let total = 0
    extraction.on('entry', (_header, stream, next) => {
      const chunks = []
      stream.on('data', (chunk) => chunks.push(chunk))
      stream.on('end', () => {
        total += (chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).length
        next()
      })
    })
    extraction.on('error', reject)
    extraction.on('finish', () => resolve(total))
    if (bytes === undefined) createReadStream(path).pipe(extraction)
    else extraction.end(bytes)
  })
}

const index = task.startsWith('TarIndex')
  ? TarIndexSync.open(path, { indexFile: false })
  : undefined

const tasks = {
  'iterateTarSync memory': () => overAllSync(iterateTarSync(source)),
  'iterateTar memory': () => overAll(iterateTar(source)),
  'tar-stream memory': overTarStream,
  'iterateTarSync file': () => overAllSync(iterateTarSync(source)),
  'iterateTarSync file views': () => overAllSync(iterateTarSync(source, { views: true })),
  'iterateTarSync file reuse': () => overAllSync(iterateTarSync(source, { reuse: true })),
  'iterateTar file reuse': () => overAll(iterateTar(source, { reuse: true })),
  'iterateTar file': () => overAll(iterateTar(source)),
  'iterateTar file views': () => overAll(iterateTar(source, { views: true })),
  'tar-stream file': overTarStream,
  'TarIndexSync file': () => {
    let total = 0
    for (let number = 0; number < index.length; number++) total += index.read(number).length
    return total
  },
}

for await (const _ of createInterface({ input: process.stdin })) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const total = await tasks[task]()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, total }))
}
