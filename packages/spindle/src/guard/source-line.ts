import { findSourceMap } from 'node:module'

/**
 * A script's line in the source, by the map that a loader such as tsx has made; the same line if
 * there is none.
 */
export function sourceLineOf(script: string, line: number, column: number): number {
  const entry = findSourceMap(script)?.findEntry(line - 1, column - 1)
  return entry !== undefined && 'originalLine' in entry ? entry.originalLine + 1 : line
}
