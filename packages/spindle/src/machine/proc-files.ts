import { readdirSync, readFileSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'

/**
 * The trimmed text of a file; `undefined` if it does not exist, is not readable, or its process has
 * just ended.
 */
export function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * The ids of processes or threads in a folder of /proc, as text; an empty list if it cannot be
 * read.
 */
export function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

const warned = new Set<string>()

/**
 * Parses a file. `undefined` if it cannot be read or is malformed; malformed files cause a warning,
 * once for each kind of file.
 */
export function parsed<R>(path: string, parse: (text: string) => R): R | undefined {
  const text = readProcFile(path)
  if (text === undefined) return undefined
  try {
    return parse(text)
  } catch (error) {
    const kind = path.slice(path.lastIndexOf('/') + 1)
    if (!warned.has(kind))
      process.emitWarning(plain(`spindle: the resource usage lacks ${path}: ${messageOf(error)}`), {
        code: 'SPINDLE_PROC',
      })
    warned.add(kind)
    return undefined
  }
}
