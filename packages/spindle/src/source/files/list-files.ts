import { createHash } from 'node:crypto'
import { relative } from 'node:path'
import { badOption } from '../../check.ts'
import { boolean, choice, is, list, options, type Rules } from '../../options/index.ts'
import { expose } from '../seek/expose.ts'
import type { SyncSource } from '../seek/source-types.ts'
import { FolderWalk, type WantedFiles } from './folder-walk.ts'
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
  /**
   * `'sorted'` (default): each folder is sorted by name, so the order is the same on every machine.
   * A folder is read as a whole before its first file is given. `'directory'`: as the file system
   * has them, from the first one on, with a few hundred names in memory however large the folder.
   */
  readonly order?: 'sorted' | 'directory'
}

const listOptions = options('ListFilesOptions', {
  extensions: list('texts', (end) => typeof end === 'string'),
  recursive: boolean(),
  order: choice(['sorted', 'directory'], { default: 'sorted' }),
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
 * unit, so the order is the same on every machine; folders are sorted among the files. With `order:
 * 'directory'` the first file is given at once. Names that
 * begin with a dot are left out, and so are pipes, sockets, devices, and links to them or to
 * folders. Names of one folder, and of those it lies in, are in memory at a time.
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
  return { [Symbol.asyncIterator]: () => new FolderWalk(directory, wanted) }
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
  options: Omit<ListFilesOptions, 'order'> = {},
): Promise<SyncSource<string>> {
  const { order } = options as ListFilesOptions
  if (order !== undefined)
    badOption('order', 'left out: a source begins at any position, so its files are sorted', order)
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

function wantedFiles(options: ListFilesOptions): WantedFiles {
  const { extensions, match = [], order, ...given } = listOptions.check(options)
  const patterns = asList(match) as readonly string[]
  const { recursive = patterns.some((pattern) => /\/|\*\*/.test(pattern)) } = given
  const matchers = patterns.map(matcherOf)
  const endings = extensions?.map((end) => `.${end.replace(/^\./, '').toLowerCase()}`)
  return {
    isRecursive: recursive,
    isSorted: order === 'sorted',
    isWanted:
      endings === undefined && matchers.length === 0
        ? undefined
        : (path) =>
            hasEnding(path, endings) &&
            (matchers.length === 0 || matchers.some((matcher) => matcher.test(path))),
  }
}

/** Whether a name has one of the endings, which are in lower case and begin with a dot. */
export function hasEnding(name: string, endings: readonly string[] | undefined): boolean {
  if (endings === undefined) return true
  const lower = name.toLowerCase()
  return endings.some((ending) => lower.endsWith(ending))
}
