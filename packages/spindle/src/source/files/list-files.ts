import { createHash } from 'node:crypto'
import { opendir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { boolean, is, list, options, type Rules } from '../../options/index.ts'
import { expose } from '../seek/expose.ts'
import type { SyncSource } from '../seek/source-types.ts'
import { matcherOf } from './glob.ts'

/** Options of {@link listFiles}. */
export interface ListFilesOptions {
  /** Endings to include, case ignored, with or without the dot: `['.jpg', 'png']`. Default: all. */
  readonly extensions?: readonly string[]
  /**
   * Whether to list folders inside the folder. Default: true if `match` has a `/` or `**`,
   * otherwise false. Links to folders are not followed.
   */
  readonly recursive?: boolean
  /**
   * Patterns for paths below the folder, with `/` between names. One of them must match. `*` and
   * `?` stand for characters of a name, `**` for any folders, `[a-z]` and `[!a-z]` for one
   * character, `{jpg,png}` for one of several. Default: all files.
   */
  readonly match?: string | readonly string[]
}

const listOptions = options('ListFilesOptions', {
  extensions: list('texts', (end) => typeof end === 'string'),
  recursive: boolean(),
  match: is('a pattern, or an array of them', (value) => asList(value).every(isPattern)),
} satisfies Rules<ListFilesOptions>)

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

function isPattern(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/**
 * The files of a folder, as paths that begin with `directory`. They are sorted by name, by UTF-16
 * unit, so the order is the same on every machine; folders are sorted among the files. Names that
 * begin with a dot are left out, and so are pipes, sockets, devices, and links to them or to
 * folders. Only one folder's names are in memory at a time.
 *
 * @throws errors of `fs.opendir`: `ENOENT`, `ENOTDIR`, …; `ERR_BAD_OPTION` for wrong options.
 *
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
export function listFiles(
  directory: string,
  options: ListFilesOptions = {},
): AsyncIterable<string> {
  const wanted = wantedFiles(options)
  // Can be iterated repeatedly, as a continuous source must be.
  return { [Symbol.asyncIterator]: () => walk(directory, '', wanted) }
}

/**
 * The files that `listFiles` gives, as a seekable source. The paths are kept in memory. A resume
 * state belongs to the names of the files below the folder, so the folder may move. The contents of
 * the files are not checked.
 *
 * @throws as {@link listFiles}
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { fromFiles, shuffled } from 'spindle/source'
 *
 * const files = await fromFiles('packages/spindle/src/source', { match: '**\/*-folder.ts' })
 * assert.deepEqual([...shuffled(files)], ['packages/spindle/src/source/files/image-folder.ts'])
 * ```
 */
export async function fromFiles(
  directory: string,
  options: ListFilesOptions = {},
): Promise<SyncSource<string>> {
  const paths: string[] = []
  for await (const path of listFiles(directory, options)) paths.push(path)
  return expose<string>(
    {
      size: paths.length,
      access: 'random',
      isAsync: false,
      describe: () => ({
        kind: 'files',
        size: paths.length,
        digest: digestOfNames(directory, paths),
      }),
      *pick(positions) {
        for (const position of positions) yield paths[position]!
      },
    },
    undefined,
  ) as SyncSource<string>
}

/** A digest of the names below a folder. */
export function digestOfNames(directory: string, paths: Iterable<string>): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${relative(directory, path)}\0`)
  return hash.digest('hex').slice(0, 16)
}

interface WantedFiles {
  readonly isRecursive: boolean
  /** Whether to include a file, by its path below the folder, with `/` between names. */
  readonly isWanted: (path: string) => boolean
}

function wantedFiles(options: ListFilesOptions): WantedFiles {
  const { extensions, match = [], ...given } = listOptions.check(options)
  const patterns = asList(match) as readonly string[]
  const { recursive = patterns.some((pattern) => /\/|\*\*/.test(pattern)) } = given
  const matchers = patterns.map(matcherOf)
  const endings = extensions?.map((end) => `.${end.replace(/^\./, '').toLowerCase()}`)
  return {
    isRecursive: recursive,
    isWanted: (path) =>
      hasEnding(path, endings) &&
      (matchers.length === 0 || matchers.some((matcher) => matcher.test(path))),
  }
}

async function* walk(
  directory: string,
  below: string,
  wanted: WantedFiles,
): AsyncGenerator<string, void, undefined> {
  const entries: { name: string; isFolder: boolean; isLink: boolean }[] = []
  for await (const entry of await opendir(directory)) {
    if (entry.name.startsWith('.')) continue
    const isFolder = entry.isDirectory()
    const isLink = entry.isSymbolicLink()
    if (!isFolder && !isLink && !entry.isFile()) continue
    if (isFolder ? wanted.isRecursive : wanted.isWanted(below + entry.name))
      entries.push({ name: entry.name, isFolder, isLink })
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, isFolder, isLink } of entries) {
    const path = join(directory, name)
    if (isFolder) yield* walk(path, `${below}${name}/`, wanted)
    else if (!isLink || (await leadsToFile(path))) yield path
  }
}

/**
 * Whether a link leads to a file. A broken link is listed, so that reading it throws; leaving it
 * out would lose it silently.
 */
async function leadsToFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => true,
  )
}

/** Whether a name has one of the endings, which are in lower case and begin with a dot. */
export function hasEnding(name: string, endings: readonly string[] | undefined): boolean {
  if (endings === undefined) return true
  const lower = name.toLowerCase()
  return endings.some((ending) => lower.endsWith(ending))
}
