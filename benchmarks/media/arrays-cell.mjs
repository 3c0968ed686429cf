// One cell of arrays.mjs: node arrays-cell.mjs <contestant> <case> <folder> <milliseconds>
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadNpy, parseNpy, parseNpz } from '@spindle/io'
import * as sync from '@spindle/io/sync'
import { importRival } from './array-rivals.mjs'
import { repeat } from './repeat.mjs'

const [contestant, name, folder, ms] = process.argv.slice(2)
await repeat(await makeWork(), Number(ms))

async function makeWork() {
  const file = (base) => join(folder, base)
  switch (name) {
    case 'npy in memory, uint8 3x640x480':
      return parsing(readFileSync(file('image.npy')))
    case 'npy in memory, float32 64x64':
      return parsing(readFileSync(file('floats.npy')))
    case 'npy file, uint8 3x640x480':
      return loading(
        file('image.npy'),
        contestant.endsWith('into') ? { into: parseNpy(readFileSync(file('image.npy'))) } : {},
      )
    case '16 rows of a 64 MB npy file':
      return loading(file('large.npy'), { rows: [8000, 8016] })
    case 'npz in memory, stored':
      return unzipping(readFileSync(file('stored.npz')), ['image', 'label'])
    case 'npz in memory, deflated':
      return unzipping(readFileSync(file('deflated.npz')), ['image', 'label'])
    case 'npz in memory, stored, one of 100':
      return unzipping(readFileSync(file('many.npz')), ['array50'])
  }
  throw new Error(`no case ${name}`)
}

async function parsing(bytes) {
  if (contestant === 'spindle') return () => parseNpy(bytes)
  const { parse } = await importRival('npyjs')
  const memory = new Uint8Array(bytes).buffer
  return () => parse(memory)
}

async function loading(path, options) {
  if (/^spindle(?! sync)/.test(contestant)) return () => loadNpy(path, options)
  if (contestant.startsWith('spindle sync')) return () => sync.loadNpySync(path, options)
  const { parse } = await importRival('npyjs')
  return async () => {
    const { buffer } = await readFile(path)
    return parse(buffer)
  }
}

async function unzipping(bytes, keys) {
  if (contestant.startsWith('spindle')) {
    const verify = contestant === 'spindle'
    return () => {
      const npz = parseNpz(bytes, { verify })
      return keys.map((key) => npz.get(key))
    }
  }
  const { parse } = await importRival('npyjs')
  // npyjs reads from the beginning of an ArrayBuffer.
  const parsed = (data) =>
    parse(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
  const files = keys.map((key) => `${key}.npy`)
  if (contestant.startsWith('fflate')) {
    const { unzipSync } = await importRival('fflate')
    return () => {
      const members = unzipSync(bytes, { filter: (member) => files.includes(member.name) })
      return files.map((key) => parsed(members[key]))
    }
  }
  if (contestant.startsWith('jszip')) {
    const { default: JSZip } = await importRival('jszip')
    return async () => {
      const zip = await JSZip.loadAsync(bytes)
      return Promise.all(files.map(async (key) => parse(await zip.file(key).async('arraybuffer'))))
    }
  }
  const { default: yauzl } = await importRival('yauzl')
  return () => new Promise((resolve, reject) => readByYauzl(yauzl, resolve, reject))

  function readByYauzl(library, resolve, reject) {
    library.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error)
      const arrays = []
      zip.on('end', () => resolve(arrays))
      zip.on('entry', (entry) => {
        if (!files.includes(entry.fileName)) return zip.readEntry()
        zip.openReadStream(entry, (fault, stream) => {
          if (fault) return reject(fault)
          const chunks = []
          stream.on('data', (chunk) => chunks.push(chunk))
          stream.on('end', () => {
            arrays.push(parsed(Buffer.concat(chunks)))
            zip.readEntry()
          })
        })
      })
      zip.readEntry()
    })
  }
}
