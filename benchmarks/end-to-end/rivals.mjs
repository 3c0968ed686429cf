// The rivals, pinned, and where `--setup` puts them: benchmarks/.cache/end-to-end, outside the
// workspace, so that the root's `npm ci` neither downloads nor resolves any of them.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NPM = { 'p-map': '7.1.1' }
const SPDL = ['spdl==0.8.0', 'spdl-io==0.8.0', 'spdl-core==0.8.0']
const PIP = [...SPDL, 'av==18.1.0', 'numpy==2.4.6']
/** torch without CUDA, and what its cells use beside it. */
const TORCH = ['torch==2.12.1', 'pillow==13.0.0', 'numpy==2.4.6']
const TORCH_INDEX = 'https://download.pytorch.org/whl/cpu'
const WEBDATASET = ['webdataset==1.0.2', 'braceexpand==0.1.7']

const CACHE = fileURLToPath(new URL('../.cache/end-to-end/', import.meta.url))
const NODE_FOLDER = join(CACHE, 'npm')
const PYTHON = join(CACHE, 'venv/bin/python')
const TORCH_PYTHON = join(CACHE, 'torch/bin/python')
const WEBDATASET_FOLDER = join(CACHE, 'webdataset')

/** Installs what can be installed, and says what cannot. */
export function setUp() {
  mkdirSync(NODE_FOLDER, { recursive: true })
  const manifest = { private: true, type: 'module', dependencies: NPM }
  writeFileSync(join(NODE_FOLDER, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(NODE_FOLDER, 'load.mjs'), 'export const load = (name) => import(name)\n')
  // Without `--no-workspaces`, npm would go up to the workspace root and install there.
  const args = ['install', '--no-workspaces', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', args, { cwd: NODE_FOLDER, stdio: 'inherit' })
  const run = (program, ...rest) => spawnSync(program, rest, { stdio: 'inherit' }).status === 0
  const pip = (python, ...rest) => run(python, '-m', 'pip', 'install', '--quiet', ...rest)
  if (!run('python3', '-m', 'venv', join(CACHE, 'venv')) || !pip(PYTHON, ...PIP))
    console.warn('SPDL and PyAV cannot be installed: python3, venv or a package is missing')
  pip('python3', '--no-deps', '--target', WEBDATASET_FOLDER, ...WEBDATASET)
  const hasTorch =
    run('python3', '-m', 'venv', join(CACHE, 'torch')) &&
    pip(
      TORCH_PYTHON,
      '--extra-index-url',
      TORCH_INDEX,
      `${TORCH[0]}+cpu`,
      ...TORCH.slice(1),
      'pyyaml',
    )
  if (!hasTorch && !importsTorch('/usr/bin/python3'))
    console.warn(
      'torch cannot be installed from its own index; on Debian: apt-get install python3-torch python3-pil',
    )
}

/** Imports a package of npm from the cache. */
export async function importRival(name) {
  const { load } = await import(pathToFileURL(join(NODE_FOLDER, 'load.mjs')).href)
  return load(name)
}

export const hasNpm = () => existsSync(join(NODE_FOLDER, 'node_modules'))
export const hasFfmpeg = () => runs('ffmpeg', '-version')

/** The interpreter with SPDL and PyAV; undefined without them. */
export function python() {
  return runs(PYTHON, '-c', 'import spdl.io, av; spdl.io.utils.get_ffmpeg_versions()')
    ? PYTHON
    : undefined
}

/** The interpreter with torch and PIL: its own, or the system's. */
export function torchPython() {
  return [TORCH_PYTHON, '/usr/bin/python3'].find(importsTorch)
}

/** `PYTHONPATH` of the cells that use webdataset; undefined if it is not installed. */
export function webdatasetPath(interpreter) {
  const env = { ...process.env, PYTHONPATH: WEBDATASET_FOLDER }
  const { status } = spawnSync(interpreter, ['-c', 'import webdataset'], { env, stdio: 'ignore' })
  return status === 0 ? WEBDATASET_FOLDER : undefined
}

/** Name and version of everything that takes part. */
export function versions() {
  const output = (program, ...args) =>
    spawnSync(program, args, { encoding: 'utf8' }).stdout?.trim().split('\n')[0]
  const ofTorch = 'import torch, PIL; print("torch", torch.__version__, "Pillow", PIL.__version__)'
  const torch = torchPython()
  return {
    node: process.version,
    npm: NPM,
    pip: python() ? PIP : [],
    torch: torch && output(torch, '-c', ofTorch),
    ffmpeg: output('ffmpeg', '-version'),
  }
}

function importsTorch(interpreter) {
  return runs(interpreter, '-c', 'import torch, PIL, numpy')
}

function runs(...command) {
  return spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0
}
