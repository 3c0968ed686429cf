// The rivals, their pinned versions, and where `--setup` puts them. They live in benchmarks/.cache,
// outside the workspace, so that the root `npm ci` neither downloads nor resolves any of them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const RIVAL_VERSIONS = {
  effect: '4.1.0',
  'exstream.js': '0.25.0',
  fastq: '1.20.3',
  'p-map': '7.1.1',
  'p-queue': '9.3.5', // 10 needs Node 22
  rxjs: '7.8.2',
  'streaming-iterables': '8.0.1',
}

export const SPDL_VERSION = '0.8.0'

export const CACHE = fileURLToPath(new URL('../.cache/', import.meta.url))
export const RIVALS_FOLDER = join(CACHE, 'rivals')
export const PYTHON = join(CACHE, 'venv', 'bin', 'python')

/** Imports a rival from the cache, under the conditions of an ordinary `import`. */
export async function importRival(name) {
  const loader = join(RIVALS_FOLDER, 'load.mjs')
  if (!existsSync(loader)) throw new Error(`${name} is not installed: run with --setup first`)
  const { load } = await import(pathToFileURL(loader).href)
  return load(name)
}
