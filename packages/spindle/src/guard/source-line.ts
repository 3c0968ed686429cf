import { nodeModule } from '../builtins.ts'

/**
 * Converts a line of a script to the line in the source, with the map of a loader such as tsx.
 * Without a map, the line is returned unchanged.
 */
export function sourceLineOf(script: string, line: number, column: number): number {
  const entry = nodeModule()
    .findSourceMap(script)
    ?.findEntry(line - 1, column - 1)
  return entry !== undefined && 'originalLine' in entry ? entry.originalLine + 1 : line
}
