// WAV beside SPDL, libsndfile, SciPy and the usual npm packages: 44.1 kHz, stereo, 16 bits, as in
// SPDL's own benchmark.
//   npm run build && node benchmarks/media/wav.mjs [--setup] [--rounds 5] [--ms 300] [--only 'part
//   of a case'] [--json file]
import { join } from 'node:path'
import { saveWav } from '@spindle/io'
import { runRounds } from './rounds.mjs'

const DECODERS = ['node-wav', 'wav-decoder', 'wavefile', 'py:soundfile', 'py:SciPy']

await runRounds({
  cells: { node: 'wav-cell.mjs', python: 'wav_cell.py' },
  cases: {
    'samples as stored, 1 s': ['spindle', 'py:SPDL', 'wavefile', 'py:soundfile', 'py:SciPy'],
    'samples as stored, 60 s': ['spindle', 'py:SPDL', 'wavefile', 'py:soundfile', 'py:SciPy'],
    'second 30 of 60 s in memory': ['spindle', 'py:SPDL'],
    'float32 [2, samples], 10 s': ['spindle', 'py:SPDL', ...DECODERS],
    'float32 [2, samples], 10 s, 24 bits': ['spindle', ...DECODERS],
    'second 30 of a file of 60 s': ['spindle', 'spindle sync', 'py:SPDL', 'py:soundfile'],
  },
  makeInputs,
})

async function makeInputs(folder) {
  for (const seconds of [1, 10, 60]) {
    const data = Int16Array.from(
      { length: 44_100 * 2 * seconds },
      (_, i) => 20_000 * Math.sin(i / 31),
    )
    const audio = { data, dtype: 'int16', shape: [44_100 * seconds, 2], sampleRate: 44_100 }
    await saveWav(join(folder, `${seconds}.wav`), audio)
    const floats = { ...audio, data: Float32Array.from(data, (x) => x / 32768), dtype: 'float32' }
    if (seconds === 10) await saveWav(join(folder, '10-24.wav'), floats, { encoding: 'pcm24' })
  }
}
