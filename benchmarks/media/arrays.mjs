// npy and npz beside SPDL, NumPy and the usual npm packages. The inputs are those of SPDL's own
// benchmark: an image of 3x640x480 and a label of 640x480, uint8.
//   npm run build && node benchmarks/media/arrays.mjs [--setup] [--rounds 5] [--ms 300] [--only
//   'part of a case'] [--json file]
import { join } from 'node:path'
import { saveNpy, saveNpz } from '@spindle/io'
import { runRounds } from './rounds.mjs'

const NPY = ['spindle', 'py:SPDL', 'npyjs', 'py:NumPy']
const NPZ = [
  'spindle',
  'spindle, verify: false',
  'py:SPDL',
  'fflate + npyjs',
  'yauzl + npyjs',
  'jszip + npyjs',
  'py:NumPy',
]

await runRounds({
  cells: { node: 'arrays-cell.mjs', python: 'arrays_cell.py' },
  cases: {
    'npy in memory, uint8 3x640x480': NPY,
    'npy in memory, float32 64x64': NPY,
    'npy file, uint8 3x640x480': [
      'spindle',
      'spindle sync',
      'spindle, into',
      'spindle sync, into',
      'py:SPDL',
      'npyjs',
      'py:NumPy',
    ],
    '16 rows of a 64 MB npy file': ['spindle', 'spindle sync', 'py:SPDL', 'npyjs', 'py:NumPy'],
    'npz in memory, stored': NPZ,
    'npz in memory, deflated': NPZ,
    'npz in memory, stored, one of 100': NPZ,
  },
  makeInputs,
})

async function makeInputs(folder) {
  const image = { data: pixels(3 * 640 * 480), dtype: 'uint8', shape: [3, 640, 480] }
  const label = { data: pixels(640 * 480), dtype: 'uint8', shape: [640, 480] }
  const floats = { data: new Float32Array(64 * 64).fill(1.5), dtype: 'float32', shape: [64, 64] }
  const large = {
    data: new Float32Array(16384 * 1024).fill(1.5),
    dtype: 'float32',
    shape: [16384, 1024],
  }
  await saveNpy(join(folder, 'image.npy'), image)
  await saveNpy(join(folder, 'floats.npy'), floats)
  await saveNpy(join(folder, 'large.npy'), large)
  await saveNpz(join(folder, 'stored.npz'), { image, label })
  await saveNpz(join(folder, 'deflated.npz'), { image, label }, { compress: true })
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`array${index}`, floats]),
  )
  await saveNpz(join(folder, 'many.npz'), many)
}

/** Slopes with some noise, which deflate to about 60 %, as photographs do. */
function pixels(length) {
  let state = 1
  return Uint8Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return i / 7 + (state >>> 30)
  })
}
