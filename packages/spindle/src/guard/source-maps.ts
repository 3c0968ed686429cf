import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { StackFrame } from './watch-protocol.ts'

interface LoadedMap {
  readonly map: SourceMap
  readonly url: string
}

const MOST_MAPS = 64
const maps: Map<string, LoadedMap | undefined> = new Map()

/**
 * Adds the places in the source to frames of scripts with a map beside or inside them, as bundlers
 * and compilers write them.
 */
export function withSources(frames: readonly StackFrame[]): readonly StackFrame[] {
  return frames.map((frame) => {
    const loaded = /\.[cm]?js$/.test(frame.file.replace(/[?#].*$/, ''))
      ? mapOf(frame.file)
      : undefined
    const entry = loaded?.map.findEntry(frame.line - 1, frame.column - 1)
    if (loaded === undefined || entry === undefined || !('originalSource' in entry)) return frame
    const file = new URL(entry.originalSource, loaded.url).href
    return { ...frame, source: { file, line: entry.originalLine + 1 } }
  })
}

function mapOf(script: string): LoadedMap | undefined {
  if (maps.has(script)) return maps.get(script)
  if (maps.size >= MOST_MAPS) maps.clear()
  let loaded: LoadedMap | undefined
  try {
    loaded = loadMap(script)
  } catch {
    // Without a file or a valid map, keep the place in the script.
  }
  maps.set(script, loaded)
  return loaded
}

function loadMap(script: string): LoadedMap | undefined {
  if (script.startsWith('node:')) return undefined
  const url = script.startsWith('file:')
    ? script.replace(/[?#].*$/, '')
    : pathToFileURL(script).href
  const text = readFileSync(fileURLToPath(url), 'utf8')
  const link = [...text.matchAll(/^\/\/[#@] sourceMappingURL=(\S+)\s*$/gm)].at(-1)?.[1]
  if (link === undefined) return undefined
  const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/.exec(link)
  const mapUrl = inline === null ? new URL(link, url).href : url
  const json =
    inline === null
      ? readFileSync(fileURLToPath(mapUrl), 'utf8')
      : inline[1] === undefined
        ? decodeURIComponent(inline[2] as string)
        : Buffer.from(inline[2] as string, 'base64').toString()
  const payload = JSON.parse(json) as SourceMapPayload
  const root = payload.sourceRoot ? payload.sourceRoot.replace(/\/?$/, '/') : ''
  return { map: new SourceMap(payload), url: new URL(root, mapUrl).href }
}
