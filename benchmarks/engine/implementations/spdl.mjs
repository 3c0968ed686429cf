// SPDL is Python: its cells run in spdl_cell.py, which takes the arguments of cell.mjs and prints
// the same JSON.
import { existsSync } from 'node:fs'
import { PYTHON } from '../rivals.mjs'

if (!existsSync(PYTHON)) throw new Error('SPDL is not installed: run with --setup first')

const isPython = {
  isPython: true,
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape, order }) =>
    shape !== 'files-fast' && (order === 'completion' || shape === 'async'),
  items: { async: 10_000, sync: 2000, timers: 5000, files: 3000 },
}

export const spdlBest = {
  ...isPython,
  name: 'SPDL (Python), best, statistics off',
  configuration: 'best',
}

export const spdlBestHooks = {
  ...isPython,
  name: 'SPDL (Python), best, statistics of tasks',
  configuration: 'best-hooks',
}

export const spdlDefault = {
  ...isPython,
  name: 'SPDL (Python), default',
  configuration: 'default',
  items: { ...isPython.items, async: 3000 },
}
