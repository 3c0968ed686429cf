// Frames per second and CPU per frame of video, beside the ffmpeg command and SPDL: H.264 to planar
// RGB of 224x224.
//   npm run build && node benchmarks/media/video/run.mjs [--setup] [--rounds 5] [--frames 300]
//   [--leak 0] [--json file]
// The contestants take turns, round by round, in processes that are already running. The script
// prints medians, with ratios to Spindle's. `--leak 2000` also loads that many clips and reports
// the growth of memory. Needs the ffmpeg command with libx264 to make its clips.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../engine/machine.mjs'
import { PYTHON, setUp } from '../setup.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean' },
    rounds: { type: 'string', default: '5' },
    frames: { type: 'string', default: '300' },
    leak: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
})
if (options.setup) setUp()

const FILTER = 'scale=224:224:flags=bilinear+accurate_rnd,format=gbrp'
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'spindle-video-'))
const cells = []
const report = {
  machine: describeMachine(process.execPath),
  frames: Number(options.frames),
  results: {},
}
try {
  const clips = makeClips(Number(options.frames))
  const spindle = cell(process.execPath, here('cell.mjs'))
  const spdl = existsSync(PYTHON) ? cell(PYTHON, here('cell_spdl.py')) : undefined
  if (spdl === undefined) console.warn('skipped: SPDL (run with --setup)')
  for (const [name, path] of Object.entries(clips)) {
    const jobs = { decode: { path }, sample: { path, count: 8 } }
    for (const [job, given] of Object.entries(jobs)) {
      const contestants = {
        spindle: () =>
          spindle.ask({ job, ...given, ...(job === 'decode' && { frames: report.frames }) }),
        ...(job === 'decode' && {
          'spindle, new memory': () => spindle.ask({ job: 'fresh', ...given }),
        }),
        ...(job === 'decode' && {
          'spindle, 2 workers': () =>
            spindle.ask({ job: 'workers', ...given, frames: report.frames }),
        }),
        ...(job === 'decode' && { 'ffmpeg command': () => command([path]) }),
        ...(job === 'decode' && { '2 ffmpeg commands': () => command([path, path]) }),
        ...(spdl && { spdl: () => spdl.ask({ job, ...given }) }),
      }
      report.results[`${name} ${job}`] = await rounds(contestants)
    }
    print(name, report.results)
  }
  const tiny = makeClip('tiny', '32x32', '50', Number(options.frames))
  const { spindle: open } = await rounds({
    spindle: () => spindle.ask({ job: 'open', path: tiny }),
  })
  report.results.open = open
  console.log(
    `a clip of ${options.frames} frames is opened, and closed, in ${(open.ms / open.units).toFixed(3)} ms`,
  )
  if (Number(options.leak) > 0) {
    report.leak = await spindle.ask({
      job: 'leak',
      path: clips['320x240 g50'],
      clips: Number(options.leak),
    })
    console.log(
      `memory over ${options.leak} clips: ${report.leak.rssMb.map(Math.round).join(' ')} MiB`,
    )
  }
} finally {
  for (const { stop } of cells) stop()
  rmSync(folder, { recursive: true, force: true })
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
console.log(JSON.stringify(report.machine))

/**
 * Each contestant once a round; the first round warms up. Medians of milliseconds and CPU
 * milliseconds.
 */
async function rounds(contestants) {
  const all = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const measured = await run()
      if (round >= 0) all[name].push(measured)
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
  return Object.fromEntries(
    Object.entries(all).map(([name, measured]) => [
      name,
      {
        units: measured[0].units,
        ms: median(measured.map(({ ms }) => ms)),
        cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
      },
    ]),
  )
}

function print(name, results) {
  const decode = results[`${name} decode`]
  const one = decode.spindle
  for (const [contestant, { units, ms, cpuMs }] of Object.entries(decode)) {
    const perSecond = (units * 1000) / ms
    const ratio = (cpuMs / units / (one.cpuMs / one.units)).toFixed(2)
    console.log(
      `${name}  ${contestant.padEnd(18)} ${perSecond.toFixed(0).padStart(6)} frames/s  ${(cpuMs / units).toFixed(3)} CPU-ms a frame (${ratio} of spindle's)`,
    )
  }
  const sample = results[`${name} sample`]
  for (const [contestant, { ms, cpuMs }] of Object.entries(sample)) {
    const all = decode[contestant]
    console.log(
      `${name}  ${contestant}: 8 of ${all.units} frames ${ms.toFixed(1)} ms, ${(all.cpuMs / cpuMs).toFixed(1)} times cheaper than all`,
    )
  }
}

/** The CPU time that the command reports, without the time of its start. */
function command(paths) {
  const run = (extra) => {
    const inputs = (path) => [
      '-nostdin',
      '-v',
      'error',
      '-threads',
      '1',
      '-i',
      path,
      ...extra,
      '-vf',
      FILTER,
    ]
    const script = paths
      .map((path) => `ffmpeg ${[...inputs(path), '-f', 'rawvideo', '-y', '/dev/null'].join(' ')} &`)
      .join(' ')
    const started = performance.now()
    const { stdout } = spawnSync('bash', ['-c', `${script} wait; times`], { encoding: 'utf8' })
    const [user, system] = stdout.trim().split('\n').at(-1).split(' ').map(millisecondsOf)
    return { ms: performance.now() - started, cpuMs: user + system }
  }
  const empty = run(['-frames:v', '1'])
  const full = run([])
  return {
    units: Number(options.frames) * paths.length,
    ms: full.ms - empty.ms,
    cpuMs: full.cpuMs - empty.cpuMs,
  }
}

function millisecondsOf(text) {
  const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(text)
  return (Number(minutes) * 60 + Number(rest)) * 1000
}

/** A process that answers a line of JSON with one. */
function cell(program, ...args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = child.stdout.setEncoding('utf8').iterator()
  let rest = ''
  const ask = async (job) => {
    child.stdin.write(`${JSON.stringify(job)}\n`)
    while (!rest.includes('\n')) {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${program} ended`)
      rest += value
    }
    const end = rest.indexOf('\n')
    const answer = JSON.parse(rest.slice(0, end))
    rest = rest.slice(end + 1)
    return answer
  }
  const made = { ask, stop: () => child.stdin.end() }
  cells.push(made)
  return made
}

function makeClips(frames) {
  const clips = {}
  for (const size of ['320x240', '1280x720']) {
    for (const group of ['12', '50'])
      clips[`${size} g${group}`] = makeClip(`${size} g${group}`, size, group, frames)
  }
  return clips
}

/**
 * Moving patterns with a little noise, as from a camera; otherwise there would be almost nothing to
 * decode.
 */
function makeClip(name, size, group, frames) {
  const path = join(folder, `${name.replace(' ', '-')}.mp4`)
  const source = `testsrc2=s=${size}:r=30:d=${frames / 30},noise=alls=3:allf=t`
  const encode = `-c:v libx264 -preset veryfast -crf 23 -g ${group} -pix_fmt yuv420p`.split(' ')
  spawnSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, ...encode, path], {
    stdio: 'inherit',
  })
  return path
}
