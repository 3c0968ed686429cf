import { type Dirent, readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SpindleError } from '../../errors.ts'
import { boolean, list, options, type Rules } from '../../options/index.ts'
import { PlannedSource } from '../seek/expose.ts'
import { digestOfNames, hasEnding } from './list-files.ts'

/** A file and its class. */
export interface FolderSample {
  /** Path of the file, which begins with the root. */
  readonly path: string
  /** Number of the class, from 0, in the order of the class names. */
  readonly label: number
  /** Name of the class: the name of a folder in the root. */
  readonly className: string
}

/** Options of {@link ImageFolder}. */
export interface ImageFolderOptions {
  /**
   * Endings of files to include, case ignored. Default: `jpg`, `jpeg`, `png`, `webp`, `avif`,
   * `gif`, `bmp`, `tif`, `tiff`, `ppm`, `pgm`.
   */
  readonly extensions?: readonly string[]
  /**
   * Whether folders may have no such files. Default false: they are an error, because their classes
   * would have no examples.
   */
  readonly allowEmpty?: boolean
}

const IMAGES = ['jpg', 'jpeg', 'png', 'webp', 'avif', 'gif', 'bmp', 'tif', 'tiff', 'ppm', 'pgm']

const folderOptions = options('ImageFolderOptions', {
  extensions: list('text', (end) => typeof end === 'string', { minLength: 1 }),
  allowEmpty: boolean({ default: false }),
} satisfies Rules<ImageFolderOptions>)

/** Number of folders that are read at the same time. */
const READ_AT_A_TIME = 16

/**
 * Files whose class is the name of their folder, `root/cat/1.jpg`. They are in the order of
 * classes, then of paths, by UTF-16 unit. Folders inside a class folder belong to that class. Names
 * that begin with a dot are left out. The paths are kept in memory.
 *
 * A resume state belongs to the names of the files below the root.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { ImageFolder, shuffled } from 'spindle/source'
 *
 * const folder = await ImageFolder.open('packages/spindle/test', { extensions: ['json'], allowEmpty: true })
 * for (const { path, label, className } of shuffled(folder, { seed: 1 })) {
 *   assert.equal(folder.classes[label], className)
 *   assert.ok(path.startsWith('packages/spindle/test/'))
 * }
 * ```
 */
export class ImageFolder extends PlannedSource<FolderSample> {
  /** The names of the classes, in the order of their labels. */
  readonly classes: readonly string[]

  /**
   * Lists the files without blocking the event loop.
   *
   * @throws as the constructor
   */
  static async open(root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    folderOptions.check(options)
    const classes = classesOf(root, await readdir(root, { withFileTypes: true }))
    const folders: string[][] = []
    for (let i = 0; i < classes.length; i += READ_AT_A_TIME) {
      const reading = classes.slice(i, i + READ_AT_A_TIME).map(async (name) => {
        const folder = join(root, name)
        return filesOf(folder, await entriesBelow(folder), options)
      })
      folders.push(...(await Promise.all(reading)))
    }
    return new ImageFolder(root, options, { classes, folders })
  }

  /**
   * Lists the files synchronously: this blocks the event loop for some milliseconds per 10 000
   * files. {@link open} does not.
   *
   * @throws `ERR_BAD_SOURCE` if there are no folders or a folder has no file; errors of
   *   `fs.readdir`; `ERR_BAD_OPTION`
   */
  constructor(root: string, options?: ImageFolderOptions)
  /** @internal */
  constructor(root: string, options: ImageFolderOptions, listing: Listing)
  constructor(root: string, options: ImageFolderOptions = {}, listing?: Listing) {
    const { allowEmpty } = folderOptions.check(options)
    const { classes, folders } = listing ?? listingOf(root, options)
    const empty = classes.filter((_, label) => folders[label]!.length === 0)
    if (empty.length > 0 && !allowEmpty)
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `${empty.length} folders of ${root} have no files with these extensions: ${empty.slice(0, 5).join(', ')} (\`allowEmpty: true\` accepts them)`,
      )
    const paths = folders.flat()
    const labels = Uint32Array.from(folders.flatMap((files, label) => files.map(() => label)))
    super({
      size: paths.length,
      access: 'random',
      isAsync: false,
      describe: () => ({
        kind: 'ImageFolder',
        size: paths.length,
        digest: digestOfNames(root, paths),
      }),
      *pick(positions) {
        for (const position of positions) {
          const label = labels[position]!
          yield { path: paths[position]!, label, className: classes[label]! }
        }
      },
    })
    this.classes = classes
  }
}

interface Listing {
  readonly classes: readonly string[]
  /** The paths of the files of each class. */
  readonly folders: readonly (readonly string[])[]
}

function listingOf(root: string, options: ImageFolderOptions): Listing {
  const classes = classesOf(root, readdirSync(root, { withFileTypes: true }))
  const folders = classes.map((name) => {
    const folder = join(root, name)
    return filesOf(folder, entriesBelowSync(folder), options)
  })
  return { classes, folders }
}

function classesOf(root: string, entries: readonly Dirent[]): string[] {
  const classes = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  if (classes.length === 0)
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      `${root} has no folders, and the names of folders are the classes`,
    )
  return classes.map(({ name }) => name).sort()
}

function filesOf(
  folder: string,
  entries: readonly Dirent[],
  { extensions = IMAGES }: ImageFolderOptions,
): string[] {
  const endings = extensions.map((end) => `.${end.replace(/^\./, '').toLowerCase()}`)
  const paths: string[] = []
  for (const entry of entries) {
    if (!entry.isFile() || !hasEnding(entry.name, endings)) continue
    const path = join(entry.parentPath ?? entry.path, entry.name)
    if (!/(^|[\\/])\./.test(path.slice(folder.length))) paths.push(path)
  }
  return paths.sort()
}

// `recursive` of `readdir` is not used: since Node 22 it follows links to folders, and never ends
// if they form a cycle.

async function entriesBelow(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const below: Dirent[] = []
  for (const entry of entries)
    if (entry.isDirectory()) below.push(...(await entriesBelow(join(folder, entry.name))))
  return [...entries, ...below]
}

function entriesBelowSync(folder: string): Dirent[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  const below = entries.flatMap((entry) =>
    entry.isDirectory() ? entriesBelowSync(join(folder, entry.name)) : [],
  )
  return [...entries, ...below]
}
