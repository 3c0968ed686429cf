// One cell of wav.mjs: node wav-cell.mjs <contestant> <case> <folder> <milliseconds>
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadWav, parseWav } from '@spindle/io'
import * as sync from '@spindle/io/sync'
import { importRival } from './array-rivals.mjs'
import { repeat } from './repeat.mjs'

const [contestant, name, folder, ms] = process.argv.slice(2)
const WINDOW = { window: [30, 31] }
const FLOATS = { layout: 'CT', dtype: 'float32' }
await repeat(await makeWork(), Number(ms))

async function makeWork() {
  const path = (base) => join(folder, base)
  switch (name) {
    case 'samples as stored, 1 s':
      return stored(readFileSync(path('1.wav')))
    case 'samples as stored, 60 s':
      return stored(readFileSync(path('60.wav')))
    case 'second 30 of 60 s in memory': {
      const bytes = readFileSync(path('60.wav'))
      return () => parseWav(bytes, WINDOW)
    }
    case 'float32 [2, samples], 10 s':
      return floats(readFileSync(path('10.wav')))
    case 'float32 [2, samples], 10 s, 24 bits':
      return floats(readFileSync(path('10-24.wav')))
    case 'second 30 of a file of 60 s': {
      const load = contestant === 'spindle' ? loadWav : sync.loadWavSync
      return () => load(path('60.wav'), WINDOW)
    }
  }
  throw new Error(`no case ${name}`)
}

async function stored(bytes) {
  if (contestant === 'spindle') return () => parseWav(bytes)
  const { WaveFile } = (await importRival('wavefile')).default
  // Its samples are bytes until they are asked for; getSamples makes numbers of them, which takes
  // far longer.
  return () => new WaveFile(bytes)
}

async function floats(bytes) {
  if (contestant === 'spindle') return () => parseWav(bytes, FLOATS)
  if (contestant === 'node-wav') {
    const { decode } = (await importRival('node-wav')).default
    return () => decode(bytes)
  }
  if (contestant === 'wav-decoder') {
    const { decode } = (await importRival('wav-decoder')).default
    return () => decode.sync(bytes)
  }
  const { WaveFile } = (await importRival('wavefile')).default
  return () => {
    const file = new WaveFile(bytes)
    file.toBitDepth('32f')
    return file.getSamples(false, Float32Array)
  }
}
