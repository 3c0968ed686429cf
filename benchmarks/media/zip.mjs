// Reads a zip archive of many small members beside fflate and yauzl, deflated and stored, from
// memory.
//   npm run build
//   node benchmarks/media/tar.mjs --setup            once: the rivals, into benchmarks/.cache
//   node benchmarks/media/zip.mjs --rounds 9 --members 2000
// The contestants take turns in one process, round by round. The minimum CPU time of the rounds is
// compared, including the threads that inflate and collect garbage. Only fflate does not check
// members against their checksums. yauzl reads one member at a time, as its documentation shows.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crc32, deflateRawSync } from 'node:zlib'
import { iterateZip } from '@spindle/io'
import { ZipFileSync } from '@spindle/io/sync'
import { CACHE, importRival } from './rivals.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    members: { type: 'string', default: '2000' },
  },
})
const fflate = await importRival('fflate')
const yauzl = await importRival('yauzl')

const contestants = {
  ZipFileSync(bytes) {
    const zip = ZipFileSync.open(bytes)
    let total = 0
    for (let number = 0; number < zip.length; number++) total += zip.read(number).length
    zip.close()
    return total
  },
  async iterateZip(bytes) {
    let total = 0
    for await (const { data } of iterateZip(bytes)) total += data.length
    return total
  },
  async 'iterateZip file'(_, path) {
    let total = 0
    for await (const { data } of iterateZip(path)) total += data.length
    return total
  },
  'fflate file': (_, path) => contestants.fflate(readFileSync(path)),
  fflate: (bytes) =>
    Object.values(fflate.unzipSync(bytes)).reduce((total, data) => total + data.length, 0),
  yauzl: (bytes) =>
    new Promise((resolve, reject) => {
      yauzl.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
        if (error) return reject(error)
        let total = 0
        zip.on('entry', (entry) => {
          zip.openReadStream(entry, (fault, stream) => {
            if (fault) return reject(fault)
            const chunks = []
            stream.on('data', (chunk) => chunks.push(chunk))
            stream.on('end', () => {
              total += Buffer.concat(chunks).length
              zip.readEntry()
            })
          })
        })
        zip.on('end', () => resolve(total))
        zip.readEntry()
      })
    }),
}

for (const isDeflated of [false, true]) {
  const bytes = makeZip(Number(options.members), isDeflated)
  const path = join(CACHE, 'members.zip')
  writeFileSync(path, bytes)
  const times = Object.fromEntries(
    Object.keys(contestants).map((name) => [name, { ms: [], cpuMs: [] }]),
  )
  for (let round = -2; round < Number(options.rounds); round++) {
    for (const [name, read] of Object.entries(contestants)) {
      const cpu = process.cpuUsage()
      const start = performance.now()
      await read(bytes, path)
      const { user, system } = process.cpuUsage(cpu)
      if (round < 0) continue
      times[name].ms.push(performance.now() - start)
      times[name].cpuMs.push((user + system) / 1000)
    }
  }
  rmSync(path)
  const least = (values) => (Math.min(...values) * 1000) / Number(options.members)
  console.log(
    `${options.members} members, ${isDeflated ? 'deflated' : 'stored'}: CPU us a member, its ratio to fflate's; elapsed us`,
  )
  for (const [name, { ms, cpuMs }] of Object.entries(times)) {
    const ratio =
      least(cpuMs) / least(times[name.endsWith('file') ? 'fflate file' : 'fflate'].cpuMs)
    console.log(
      `${name.padEnd(15)} ${least(cpuMs).toFixed(2).padStart(8)} ${ratio.toFixed(2).padStart(6)} ` +
        `${least(ms).toFixed(2).padStart(10)}`,
    )
  }
}

/** Members of 10 to 50 KB of text-like bytes, the same each time. */
function makeZip(members, isDeflated) {
  const locals = []
  const directory = []
  let at = 0
  for (let number = 0; number < members; number++) {
    const data = Buffer.alloc(10_000 + ((number * 7919) % 40_001))
    for (let i = 0; i < data.length; i++) data[i] = 97 + ((i * i + number) % 23)
    const stored = isDeflated ? deflateRawSync(data) : data
    const name = Buffer.from(`train/${number}.txt`)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(isDeflated ? 8 : 0, 4)
    fields.writeUInt32LE(crc32(data), 10)
    fields.writeUInt32LE(stored.length, 14)
    fields.writeUInt32LE(data.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    locals.push(Buffer.from('PK\x03\x04'), fields, name, stored)
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), fields, place, name)
    at += 30 + name.length + stored.length
  }
  const list = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(members, 4)
  end.writeUInt16LE(members, 6)
  end.writeUInt32LE(list.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...locals, list, Buffer.from('PK\x05\x06'), end])
}
