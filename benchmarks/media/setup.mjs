// What `images.mjs --setup` does: SPDL and Pillow by pip, and the C program, into
// benchmarks/.cache/media. SPDL needs FFmpeg's shared libraries and the C program libjpeg-turbo
// with its headers, which this does not install (Debian: apt-get install ffmpeg gcc libc6-dev
// libjpeg62-turbo-dev).
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../.cache/media', import.meta.url))
const SPDL = ['spdl==0.8.0', 'spdl-io==0.8.0', 'spdl-core==0.8.0']
const PACKAGES = [...SPDL, 'av==18.1.0', 'pillow==13.0.0', 'numpy==2.4.6']

export const PYTHON = `${CACHE}/bin/python`
export const C_PROGRAM = `${CACHE}/jpeg_batch`

export function setUp() {
  const run = (program, ...args) => spawnSync(program, args, { stdio: 'inherit' }).status === 0
  if (
    !run('python3', '-m', 'venv', CACHE) ||
    !run(PYTHON, '-m', 'pip', 'install', '--quiet', ...PACKAGES)
  ) {
    console.warn('Python, pip or a package is missing; SPDL and PIL will be skipped')
  }
  mkdirSync(CACHE, { recursive: true })
  const source = fileURLToPath(new URL('c/jpeg_batch.c', import.meta.url))
  const flags = ['-O3', '-march=native', '-D_GNU_SOURCE', '-Wall']
  if (!run('cc', ...flags, '-o', C_PROGRAM, source, '-ljpeg', '-lpthread')) {
    console.warn('cc or libjpeg-turbo is missing; the C program will be skipped')
  }
}
