// Sound to 16 kHz mono float32: Spindle's loadAudioSync beside the ffmpeg command with one thread,
// and SPDL's load_audio where it is installed.
//   npm run build
//   node benchmarks/media/images.mjs --setup          once, for SPDL: pip, into benchmarks/.cache
//   node benchmarks/media/audio.mjs [--rounds 5] [--seconds 120]
// The contestants take turns of four calls. The script prints medians of CPU-ms for a second of
// sound. For the command they include the start of the program, which the file of 0.1 s measures
// and which you subtract.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadAudioSync, saveAudioSync } from '@spindle/io/sync'
import { PYTHON } from './setup.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '120' },
  },
})
const seconds = Number(options.seconds)
/**
 * Consecutive calls, all of which count: the first one of a turn finds the caches filled by other
 * contestants.
 */
const CALLS = 4
const folder = mkdtempSync(join(tmpdir(), 'spindle-bench-'))
const SPDL = `
import resource, sys, spdl.io
def cpu():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return (u.ru_utime + u.ru_stime) * 1e3
graph = spdl.io.get_audio_filter_desc(sample_rate=16000, num_channels=1)
for line in sys.stdin:
    start = cpu()
    shape = spdl.io.to_numpy(spdl.io.load_audio(line.strip(), filter_desc=graph)).shape
    print(cpu() - start, shape[-1], flush=True)
`

try {
  const files = makeFiles()
  const spdl = existsSync(PYTHON) ? startSpdl() : undefined
  const contestants = { spindle, ffmpeg, ...(spdl && { spdl: spdl.load }) }
  const results = {}
  const start = median(Array.from({ length: 5 }, () => ffmpeg(files.short)))
  for (const format of ['wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg']) {
    const times = {}
    for (let round = -1; round < Number(options.rounds); round++) {
      for (const [name, load] of Object.entries(contestants)) {
        for (let call = 0; call < CALLS; call++) {
          const ms = await load(files[format])
          if (round < 0) continue
          times[name] ??= []
          times[name].push(name === 'ffmpeg' ? ms - start : ms)
        }
      }
    }
    const perSecond = Object.fromEntries(
      Object.entries(times).map(([name, all]) => [name, median(all) / seconds]),
    )
    results[format] = perSecond
    const text = Object.entries(perSecond).map(([name, ms]) => `${name} ${ms.toFixed(3)}`)
    const ratios = Object.keys(perSecond)
      .slice(1)
      .map((name) => `${name}/spindle ${(perSecond[name] / perSecond.spindle).toFixed(2)}`)
    console.log(`${format.padEnd(5)} ${[...text, ...ratios].join('  ')}`)
  }
  spdl?.stop()
  console.log(
    JSON.stringify({
      cpu: cpus()[0].model,
      node: process.version,
      seconds,
      cpuMsPerSecond: results,
    }),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function spindle(path) {
  const before = process.cpuUsage()
  loadAudioSync(path, { sampleRate: 16000, channels: 1 })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The CPU time that the command reports. */
function ffmpeg(path) {
  const args = [
    '-hide_banner',
    '-nostdin',
    '-threads',
    '1',
    '-i',
    path,
    '-ac',
    '1',
    '-ar',
    '16000',
    '-c:a',
    'pcm_f32le',
  ]
  const script = 'exec 2>&1; "$@" >/dev/null; times'
  const said = execFileSync('bash', ['-c', script, 'bash', 'ffmpeg', ...args, '-f', 'null', '-'], {
    encoding: 'utf8',
  })
  const [user, system] = said.trim().split('\n').at(-1).split(' ').map(millisecondsOf)
  return user + system
}

function millisecondsOf(text) {
  const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(text)
  return (Number(minutes) * 60 + Number(rest)) * 1000
}

function startSpdl() {
  const child = spawn(PYTHON, ['-c', SPDL], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]()
  const load = async (path) => {
    child.stdin.write(`${path}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error('SPDL ended')
    return Number(value.split(' ')[0])
  }
  return { load, stop: () => child.stdin.end() }
}

/** The same sound in every format, from Spindle's own encoders. */
function makeFiles() {
  const make = (name, format, length) => {
    const path = join(folder, `${name}.${format}`)
    saveAudioSync(path, sound(length), { format })
    return path
  }
  const files = Object.fromEntries(
    ['wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg'].map((format) => [
      format,
      make('sound', format, seconds),
    ]),
  )
  return { ...files, short: make('short', 'wav', 0.1) }
}

function sound(length) {
  const samples = Math.round(length * 44100)
  const data = new Int16Array(samples * 2)
  for (let i = 0, noise = 1; i < samples; i++) {
    noise = (noise * 48271) % 0x7fffffff
    const t = i / 44100
    data[2 * i] = 9000 * Math.sin(2 * Math.PI * (200 + 90 * Math.sin(t)) * t) + (noise % 900)
    data[2 * i + 1] =
      8000 * Math.sin(2 * Math.PI * (700 + 60 * Math.sin(t / 3)) * t) + (noise % 500)
  }
  return { data, dtype: 'int16', shape: [samples, 2], layout: 'TC', sampleRate: 44100 }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
