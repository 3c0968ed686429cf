// The rival of pools. `--setup` installs it into benchmarks/.cache, outside the workspace, so that
// the root `npm ci` never sees it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PISCINA_VERSION = '5.3.2'
const FOLDER = fileURLToPath(new URL('../.cache/placement/', import.meta.url))

export function setUp() {
  mkdirSync(FOLDER, { recursive: true })
  const manifest = { private: true, type: 'module', dependencies: { piscina: PISCINA_VERSION } }
  writeFileSync(join(FOLDER, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  // Without this, npm would go up to the workspace root and install there.
  const args = ['install', '--no-workspaces', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', args, { cwd: FOLDER, stdio: 'inherit' })
}

/** Piscina's exports, or undefined where it is not installed. */
export function loadPiscina() {
  if (!existsSync(join(FOLDER, 'node_modules'))) return undefined
  return createRequire(join(FOLDER, 'package.json'))('piscina')
}
