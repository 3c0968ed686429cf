// The rivals in arrays.mjs and wav.mjs, pinned. `--setup` installs them into
// benchmarks/.cache/arrays, outside the workspace.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const CACHE = fileURLToPath(new URL('../.cache/arrays/', import.meta.url))
const NPM = {
  fflate: '0.8.3',
  jszip: '3.10.2',
  'node-wav': '0.0.2',
  npyjs: '1.2.0',
  'wav-decoder': '1.3.0',
  wavefile: '11.0.0',
  yauzl: '3.4.0',
}
const PIP = ['spdl-io==0.8.0', 'numpy==2.4.6', 'scipy==1.17.1', 'soundfile==0.14.0']

export const PYTHON = join(CACHE, 'venv', 'bin', 'python')

export function setUp() {
  mkdirSync(CACHE, { recursive: true })
  const manifest = { private: true, type: 'module', dependencies: NPM }
  writeFileSync(join(CACHE, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(CACHE, 'load.mjs'), 'export const load = (name) => import(name)\n')
  // Without this, npm would go up to the workspace root and install there.
  const install = ['install', '--no-workspaces', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', install, { cwd: CACHE, stdio: 'inherit' })
  // The distribution's Python comes first, as in engine/setup.mjs: it is the faster one, but may
  // lack pip.
  const isMade = ['/usr/bin/python3', 'python3'].some(
    (python) =>
      spawnSync(python, ['-m', 'venv', '--without-pip', join(CACHE, 'venv')]).status === 0,
  )
  const pip = ['-m', 'pip', '--python', PYTHON, 'install', '--quiet', ...PIP]
  if (!isMade || spawnSync('python3', pip, { stdio: 'inherit' }).status !== 0) {
    console.warn('Python, pip or a package is missing; SPDL, NumPy and SciPy will be skipped')
  }
}

/** Imports a rival from the cache. */
export async function importRival(name) {
  const { load } = await import(pathToFileURL(join(CACHE, 'load.mjs')).href)
  return load(name)
}

export const hasNpmRivals = () => existsSync(join(CACHE, 'node_modules'))
export const hasPython = () => existsSync(PYTHON)
