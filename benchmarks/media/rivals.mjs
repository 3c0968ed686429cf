// The rivals' pinned versions, and where --setup puts them: benchmarks/.cache, outside the
// workspace, so that the root `npm ci` neither downloads nor resolves any of them.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setUp as setUpPython } from './setup.mjs'

const RIVAL_VERSIONS = { 'tar-stream': '3.2.2', fflate: '0.8.3', yauzl: '3.4.0' }

export const CACHE = fileURLToPath(new URL('../.cache/media/', import.meta.url))
const FOLDER = join(CACHE, 'rivals')

/** npm's rivals, and SPDL. */
export function setUp() {
  mkdirSync(FOLDER, { recursive: true })
  const manifest = { private: true, type: 'module', dependencies: RIVAL_VERSIONS }
  writeFileSync(join(FOLDER, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(FOLDER, 'load.mjs'), 'export const load = (name) => import(name)\n')
  // Without this, npm would go up to the workspace root and install there.
  const args = ['install', '--no-workspaces', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', args, { cwd: FOLDER, stdio: 'inherit' })
  setUpPython()
}

/** Imports a rival from the cache. */
export async function importRival(name) {
  const loader = join(FOLDER, 'load.mjs')
  if (!existsSync(loader)) throw new Error(`${name} is not installed: run with --setup first`)
  const { load } = await import(pathToFileURL(loader).href)
  const rival = await load(name)
  return rival.default ?? rival
}
