// Many short windows of sound, as training reads them: 160 files of 12 s (MP3, FLAC, Vorbis, AAC;
// or WAV), seconds 3 to 8 of each, to 16 kHz mono. Spindle's loadAudio beside SPDL's load_audio and
// PyAV, each in a process of its own with two threads.
//   npm run build
//   node benchmarks/media/images.mjs --setup          once, for SPDL and PyAV: pip, into benchmarks/.cache
//   node benchmarks/media/audio-windows.mjs [--rounds 3] [--formats mp3,flac,ogg,m4a] [--python
//   …/bin/python]
// The contestants take turns. The script prints the CPU time of the whole process, its start
// included (the minimum of the rounds), and the time of its first window.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { saveAudioSync } from '@spindle/io/sync'
import { PYTHON } from './setup.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    formats: { type: 'string', default: 'mp3,flac,ogg,m4a' },
    python: { type: 'string', default: PYTHON },
  },
})
const FILES = 160
const [START, END] = [3, 8]

const SPINDLE = `
import { loadAudio } from '@spindle/io'
const files = process.argv.slice(1)
const options = { window: [${START}, ${END}], sampleRate: 16000, channels: 1 }
let [samples, first] = [0, undefined]
let next = 0
await Promise.all(Array.from({ length: 4 }, async () => {
  while (next < files.length) {
    const { shape } = await loadAudio(files[next++], options)
    samples += shape[1]
    first ??= performance.now()
  }
}))
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ cpuSec: (user + system) / 1e6, firstMs: first, samples }))
`

const PYTHON_HEAD = `
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
begin = time.perf_counter()
first = []
def run(load):
    def one(path):
        count = load(path)
        if not first:
            first.append(time.perf_counter() - begin)
        return count
    with ThreadPoolExecutor(2) as threads:
        samples = sum(threads.map(one, sys.argv[1:]))
    print(json.dumps({"cpuSec": time.process_time(), "firstMs": first[0] * 1e3, "samples": samples}))
`

const SPDL = `${PYTHON_HEAD}
import spdl.io
window = (${START}.0, ${END}.0)
graph = spdl.io.get_audio_filter_desc(sample_rate=16000, num_channels=1, timestamp=window)
run(lambda path: spdl.io.to_numpy(spdl.io.load_audio(path, timestamp=window, filter_desc=graph)).shape[-1])
`

const PYAV = `${PYTHON_HEAD}
import av
import numpy
def load(path):
    with av.open(path) as container:
        stream = container.streams.audio[0]
        container.seek(int(${START} / stream.time_base), stream=stream)
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=16000)
        pieces = []
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= ${END}:
                break
            pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
        return numpy.concatenate(pieces, 1).shape[1]
run(load)
`

const folder = mkdtempSync(join(tmpdir(), 'spindle-bench-'))
try {
  const files = makeFiles()
  const contestants = {
    spindle: () => measured(process.execPath, '--input-type=module', '-e', SPINDLE, ...files),
    ...(hasModule('spdl.io') && { spdl: () => measured(options.python, '-c', SPDL, ...files) }),
    ...(hasModule('av') && { pyav: () => measured(options.python, '-c', PYAV, ...files) }),
  }
  const best = {}
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const result = run()
      if (best[name] === undefined || result.cpuSec < best[name].cpuSec) best[name] = result
    }
  }
  for (const [name, { cpuSec, firstMs, samples }] of Object.entries(best)) {
    const ratio = (cpuSec / best.spindle.cpuSec).toFixed(2)
    console.log(
      `${name.padEnd(8)} CPU ${cpuSec.toFixed(2)} s (${ratio}), first after ${firstMs.toFixed()} ms, ${samples} samples`,
    )
  }
  const { version } = process
  console.log(
    JSON.stringify({
      formats: options.formats,
      files: FILES,
      node: version,
      cpu: cpus()[0]?.model,
      best,
    }),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Two channels with a rising tone and noise, different in each file. */
function makeFiles() {
  const formats = options.formats.split(',')
  const samples = 12 * 44100
  for (let file = 0; file < FILES / formats.length; file++) {
    const data = new Int16Array(2 * samples)
    for (let i = 0; i < samples; i++) {
      const t = i / 44100
      data[i] = 12000 * Math.sin(2 * Math.PI * (200 + (80 + file) * t) * t) + 300 * Math.random()
      data[samples + i] = 12000 * Math.sin(2 * Math.PI * (900 - 30 * t) * t) + 300 * Math.random()
    }
    const sound = { data, dtype: 'int16', shape: [2, samples], sampleRate: 44100, layout: 'CT' }
    for (const format of formats) saveAudioSync(join(folder, `${file}.${format}`), sound)
  }
  return readdirSync(folder).map((name) => join(folder, name))
}

function hasModule(name) {
  return (
    existsSync(options.python) && spawnSync(options.python, ['-c', `import ${name}`]).status === 0
  )
}

function measured(program, ...args) {
  const { stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1))
  } catch {
    throw new Error(`${program}: ${stderr}`)
  }
}
