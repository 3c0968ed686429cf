import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { badOption, checkOptions } from '../check.ts'

/** Options of {@link listFiles}. */
export interface ListFilesOptions {
  /** Endings to keep, case ignored, with or without the dot: `['.jpg', 'png']`. Default: all. */
  readonly extensions?: readonly string[]
  /** Go into folders. Default false. Links to folders are not followed. */
  readonly recursive?: boolean
}

/**
 * The files of a folder, as paths that begin with `directory`, sorted by name (by UTF-16 unit, so alike on every machine), folders in their place among
 * them. Names that begin with a dot are left out. One folder's names are in memory at a time.
 *
 * @throws what `fs.opendir` gives: `ENOENT`, `ENOTDIR`, … `ERR_BAD_OPTION` for bad options.
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { listFiles } from 'spindle/source'
 *
 * const names: string[] = []
 * for await (const path of listFiles('packages/spindle', { extensions: ['json'] })) names.push(path)
 * assert.deepEqual(names, ['packages/spindle/package.json', 'packages/spindle/tsconfig.json'])
 * ```
 */
export function listFiles(directory: string, options: ListFilesOptions = {}): AsyncIterable<string> {
  checkOptions(options, ['extensions', 'recursive'])
  const { extensions, recursive = false } = options
  if (
    extensions !== undefined &&
    (!Array.isArray(extensions) || extensions.some((end) => typeof end !== 'string'))
  ) {
    badOption('extensions', 'an array of texts', extensions)
  }
  if (typeof recursive !== 'boolean') badOption('recursive', 'a boolean', recursive)
  const endings = extensions?.map((end) => `.${end.replace(/^\./, '').toLowerCase()}`)
  // Iterable again and again, as a continuous source must be.
  return { [Symbol.asyncIterator]: () => walk(directory, endings, recursive) }
}

async function* walk(
  directory: string,
  endings: readonly string[] | undefined,
  recursive: boolean,
): AsyncGenerator<string, void, undefined> {
  const entries: { name: string; isFolder: boolean }[] = []
  for await (const entry of await opendir(directory)) {
    if (entry.name.startsWith('.')) continue
    const isFolder = entry.isDirectory()
    if (isFolder ? recursive : hasEnding(entry.name, endings)) entries.push({ name: entry.name, isFolder })
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, isFolder } of entries) {
    const path = join(directory, name)
    if (isFolder) yield* walk(path, endings, recursive)
    else yield path
  }
}

function hasEnding(name: string, endings: readonly string[] | undefined): boolean {
  if (endings === undefined) return true
  const lower = name.toLowerCase()
  return endings.some((ending) => lower.endsWith(ending))
}
