// `run.mjs --setup` installs the JavaScript rivals with npm and SPDL with pip, both into
// benchmarks/.cache.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, PYTHON, RIVAL_VERSIONS, RIVALS_FOLDER, SPDL_VERSION } from './rivals.mjs'

export function setUp() {
  installJavaScriptRivals()
  installSpdl()
}

export function installJavaScriptRivals() {
  mkdirSync(RIVALS_FOLDER, { recursive: true })
  const manifest = { private: true, type: 'module', dependencies: RIVAL_VERSIONS }
  writeFileSync(join(RIVALS_FOLDER, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(RIVALS_FOLDER, 'load.mjs'), 'export const load = (name) => import(name)\n')
  // Without this, npm would go up to the workspace root and install there.
  const args = ['install', '--no-workspaces', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', args, { cwd: RIVALS_FOLDER, stdio: 'inherit' })
}

// The distribution's Python comes first: Debian's is built with profile-guided optimisation, a
// self-compiled one is often not, and the comparison should not win by a slow interpreter. Such a
// Python may lack ensurepip, hence another Python's pip.
function installSpdl() {
  const isMade = ['/usr/bin/python3', 'python3'].some((python) => {
    const made = spawnSync(python, ['-m', 'venv', '--without-pip', join(CACHE, 'venv')], {
      stdio: 'ignore',
    })
    return made.status === 0
  })
  const pip = ['-m', 'pip', '--python', PYTHON, 'install', '--quiet', `spdl-core==${SPDL_VERSION}`]
  const isInstalled = isMade && spawnSync('python3', pip, { stdio: 'inherit' }).status === 0
  if (!isInstalled) console.warn('SPDL could not be installed; its cells will be skipped')
}
