// Maps stacks with lines of a bundle back to the sources, where Node does not know the source maps.
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, join } from 'node:path'

const maps = new Map()

/**
 * Replaces each `…/dist/chunk.js:12:34` of a bundle with a source map by its place in the source.
 */
export function mapStacks(text) {
  return text.replaceAll(
    /(?:file:\/\/)?(\/[^\s():]*\/dist\/[^\s():]+\.js):(\d+):(\d+)/g,
    (whole, file, line, column) => {
      const { originalSource, originalLine, originalColumn } =
        mapOf(file)?.findEntry(line - 1, column - 1) ?? {}
      if (originalSource === undefined) return whole
      return `${join(dirname(file), originalSource)}:${originalLine + 1}:${originalColumn + 1}`
    },
  )
}

function mapOf(file) {
  if (!maps.has(file)) {
    const path = `${file}.map`
    maps.set(
      file,
      existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined,
    )
  }
  return maps.get(file)
}
