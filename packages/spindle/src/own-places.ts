import { readFileSync } from 'node:fs'
import { isOwnFile } from './file-place.ts'

/**
 * The modules in a file of this package, in their order: the lines where they begin, from 1, and
 * their paths in `src`.
 */
interface Modules {
  readonly lines: readonly number[]
  readonly paths: readonly string[]
}

/** The comment with which a module begins in a bundle. */
const BEGINS = /^\/\/ .*\bsrc\/(.+\.ts)$/

const known = new Map<string, Modules>()

/**
 * Whether a line, from 1, of a file is in that folder of this package's code. What is published is
 * bundled: which module a line is of is read from the file itself. That is done once a file, when
 * somebody asks.
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
    // Then nothing is known of it.
  }
  return { lines, paths }
}
