// Common parts of the scripts in this folder: running programs, their versions, the files of
// expected values, and comparisons.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../tools.mjs'

export const TRUTH = join(root, 'packages/io/test/truth')
export const FILES = join(TRUTH, 'files')

/** Runs a program, which must succeed. Returns its output. */
export function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    maxBuffer: 1 << 28,
    timeout: 60_000,
    ...options,
  })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error ?? stderr}`)
  return stdout
}

export const ffmpeg = (...args) => run('ffmpeg', ['-v', 'error', '-y', ...args])
export const ffprobe = (...args) => run('ffprobe', ['-v', 'error', ...args])

/** The Python interpreter for images. */
export const PYTHON = process.env.PYTHON ?? 'python3'

/** The first line in which a program tells its version, or `undefined` if it is not there. */
export function versionOf(program) {
  if (program === 'pillow') {
    const { status, stdout } = spawnSync(PYTHON, [
      '-c',
      'import PIL, numpy; print("Pillow", PIL.__version__)',
    ])
    return status === 0 ? String(stdout).trim() : undefined
  }
  const flag = /^ff/.test(program) ? '-version' : '--version'
  const { status, stdout } = spawnSync(program, [flag], { encoding: 'utf8' })
  if (status !== 0) return undefined
  return stdout
    .split('\n')[0]
    .replace(/ Copyright.*$/, '')
    .replace(/^.*(SoX v)/, '$1')
    .trim()
}

/** Truth as it is checked in: `{ madeBy, … }`, or `undefined`. */
export function readTruth(name) {
  const file = join(TRUTH, `${name}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

export function writeTruth(name, truth) {
  const file = join(TRUTH, `${name}.json`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(truth, undefined, 1)}\n`)
}
