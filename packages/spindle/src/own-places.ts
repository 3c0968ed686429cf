import { readFileSync } from 'node:fs'
import { isOwnFile } from './file-place.ts'

/**
 * The modules in one file of this package, in order: their first lines, from 1, and their paths in
 * `src`.
 */
interface Modules {
  readonly lines: readonly number[]
  readonly paths: readonly string[]
}

/** The comment at the beginning of each module in a bundle. */
const BEGINS = /^\/\/ .*\bsrc\/(.+\.ts)$/

const known = new Map<string, Modules>()

/**
 * Whether a line (from 1) of a file belongs to the given folder of this package's source. The
 * published package is bundled, so the module of a line is read from the bundle itself. Each file
 * is read once, when first needed.
 */
export function isPlaceIn(folder: string, path: string, line: number): boolean {
  if (!isOwnFile(path)) return false
  if (path.includes(`/src/${folder}/`) || path.includes(`\\src\\${folder}\\`)) return true
  const { lines, paths } = modulesIn(path)
  const module = paths[lines.findLastIndex((begin) => begin <= line)]
  return module?.startsWith(`${folder}/`) === true
}

function modulesIn(path: string): Modules {
  let found = known.get(path)
  if (found === undefined) {
    found = readModules(path)
    known.set(path, found)
  }
  return found
}

function readModules(path: string): Modules {
  const lines: number[] = []
  const paths: string[] = []
  try {
    for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
      const module = BEGINS.exec(text)?.[1]
      if (module === undefined) continue
      lines.push(index + 1)
      paths.push(module)
    }
  } catch {
    // The modules of an unreadable file stay unknown.
  }
  return { lines, paths }
}
