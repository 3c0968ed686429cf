// Imports packages from the checkout that a cell is to measure.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { resolve } = createRequire(join(process.argv[2], 'benchmarks/package.json'))
/** The cell's own arguments. */
export const args = process.argv.slice(3)

/** Imports `spindle`, `@spindle/io` or one of their subpaths. */
export function load(name) {
  return import(resolve(name))
}
