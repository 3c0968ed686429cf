import { readdirSync, readFileSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'

/**
 * A file's text without the space around it; `undefined` if it is not there, is not allowed, or its
 * process has just ended.
 */
export function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** The numbers of processes or threads in a folder of /proc, as text; none if it cannot be read. */
export function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

const warned = new Set<string>()

/** `undefined` also if the file is malformed, which is warned of once for each kind of file. */
export function parsed<R>(path: string, parse: (text: string) => R): R | undefined {
  const text = readProcFile(path)
  if (text === undefined) return undefined
  try {
    return parse(text)
  } catch (error) {
    const kind = path.slice(path.lastIndexOf('/') + 1)
    if (!warned.has(kind))
      process.emitWarning(
        plain(`spindle: left out of the resource usage: ${path}: ${messageOf(error)}`),
        {
          code: 'SPINDLE_PROC',
        },
      )
    warned.add(kind)
    return undefined
  }
}
