// What @spindle/io reads: answers each line on its input, `{ kind, path }`, with a line of JSON. A
// process of its own, so that a decoder that ends it costs one file.
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import {
  fromParquet,
  iterateTar,
  iterateZip,
  loadAudio,
  loadImage,
  loadNpy,
  loadNpz,
} from '@spindle/io'
import { sketchImage, sketchSound } from './sketch.mjs'

const sha1 = (bytes) => createHash('sha1').update(bytes).digest('hex')
const bytesOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)
const arrayOf = (array) => ({ dtype: array.dtype, shape: array.shape, sha1: sha1(bytesOf(array)) })

const READERS = {
  image: async (path) => sketchImage(await loadImage(path)),
  sharp: async (path) => sketchImage(await loadImage(path, { backend: 'sharp' })),
  sound: async (path) => sketchSound(await loadAudio(path)),
  async array(path) {
    if (path.endsWith('.npy')) return { '': arrayOf(await loadNpy(path)) }
    const npz = await loadNpz(path)
    try {
      const arrays = {}
      for (const name of npz.keys())
        arrays[name] = await settled(async () => arrayOf(await npz.get(name)))
      return arrays
    } finally {
      await npz.close()
    }
  },
  tar: (path) => filesOf(iterateTar(path, { reuse: true })),
  zip: (path) => filesOf(iterateZip(path, { reuse: true })),
  async parquet(path) {
    const rows = await fromParquet(path)
    const first = []
    for await (const row of rows.iterateFrom(0, 0)) {
      first.push(
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
      )
      if (first.length === 50) break
    }
    return { rows: rows.size, first }
  },
}

async function filesOf(members) {
  const files = []
  for await (const { path, size, data } of members) files.push([path, size, sha1(data)])
  return files
}

/** Numbers, texts and truth values; everything else is not compared. */
function plain(value) {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : '…'
}

async function settled(work) {
  try {
    return await work()
  } catch (error) {
    return {
      code: error.code ?? 'no code',
      message: error.message.replace(/^[^:]*: /, '').split('\n')[0],
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { kind, path } = JSON.parse(line)
  const value = await settled(() => READERS[kind](path))
  process.stdout.write(
    `${JSON.stringify(value.code === undefined ? { value } : { fault: value })}\n`,
  )
}
