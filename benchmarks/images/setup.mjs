// What `run.mjs --setup` does: SPDL and Pillow by pip, into benchmarks/.cache/images. SPDL needs FFmpeg's shared libraries on the
// machine (Debian: apt-get install ffmpeg), which this does not install.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const VENV = fileURLToPath(new URL('../.cache/images', import.meta.url))
const PACKAGES = ['spdl==0.8.0', 'spdl-io==0.8.0', 'spdl-core==0.8.0', 'pillow==13.0.0', 'numpy==2.4.6']

export const PYTHON = `${VENV}/bin/python`

export function setUp() {
  const run = (program, ...args) => spawnSync(program, args, { stdio: 'inherit' }).status === 0
  if (run('python3', '-m', 'venv', VENV) && run(PYTHON, '-m', 'pip', 'install', '--quiet', ...PACKAGES))
    return
  console.warn('Python, pip or a package is missing; SPDL and PIL will be skipped')
}
