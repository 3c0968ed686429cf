import { constants, type Stats } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { messageOf, SpindleError } from '../errors.ts'
import { all, call, type FileWork, isMissing, makeFolder } from './file-work.ts'
import { foldersOf, segmentsOf } from './names.ts'

/** Folder in the work folder where names are tried. */
const TRIAL_FOLDER = 'names'

/** Names that every file system accepts. */
const PLAIN = /^[\w~-][\w.~-]{0,141}[\w~-]$|^[\w~-]$/

/**
 * Errors of the file system for a bad name or something in the way: trying again gives the same
 * error.
 */
const REFUSALS = new Set([
  'EEXIST',
  'EILSEQ',
  'EINVAL',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ENOTEMPTY',
  'EXDEV',
])

/**
 * The places in an output folder where files get their names. A name that the file system refuses
 * must be found before the commit, because afterwards the file could never get it. What cannot be
 * found without giving the name is left to {@link isRefused}.
 */
export class Places {
  readonly #root: string
  readonly #work: string
  /** Whether this file system ignores case in names. */
  readonly isCaseBlind: boolean
  readonly #device: number
  /** Folders that were checked, by their path in the output. */
  readonly #known: Set<string> = new Set()

  private constructor(root: string, work: string, isCaseBlind: boolean, device: number) {
    this.#root = root
    this.#work = work
    this.isCaseBlind = isCaseBlind
    this.#device = device
  }

  /**
   * @param file the name in lower case of a file in the work folder
   * @throws `ERR_BAD_CHECKPOINT` if the work folder is a link or a file
   */
  static *open(root: string, work: string, file: string): FileWork<Places> {
    const stats = yield* call('lstat', work)
    if (!stats.isDirectory())
      throw new SpindleError('ERR_BAD_CHECKPOINT', `${work} is not a folder of its own`)
    const other = yield* statsOf(join(work, file.toUpperCase()))
    return new Places(root, work, other !== undefined, stats.dev)
  }

  /**
   * Checks a name for the next commit.
   *
   * @throws `ERR_CHECKPOINT_WRITE` if the file system refuses it
   */
  *check(name: string): FileWork<void> {
    yield* naming(name, this.#check(name))
  }

  /**
   * Makes the folders of the files of a commit, and checks all places again.
   *
   * @throws as {@link check}
   */
  *prepare(names: readonly string[]): FileWork<void> {
    this.#known.clear()
    const first = new Map(names.map((name) => [dirname(name), name]))
    for (const [folder, name] of first) {
      yield* naming(name, this.#checkFolders(name))
      yield* naming(name, makeFolder(join(this.#root, folder)))
      yield* naming(name, call('access', join(this.#root, folder), constants.W_OK))
    }
    yield* all(names.map((name) => this.check(name)))
  }

  /** Whether a name exists. */
  *isTaken(name: string): FileWork<boolean> {
    return (yield* statsOf(join(this.#root, name))) !== undefined
  }

  /**
   * Gives a file its name.
   *
   * @throws errors of the file system; see {@link isRefused}
   */
  *give(path: string, name: string): FileWork<void> {
    yield* this.#checkFolders(name)
    const target = join(this.#root, name)
    try {
      yield* call('rename', path, target)
    } catch (error) {
      // The folder may have been removed since.
      if (!isMissing(error) || (yield* statsOf(path)) === undefined) throw error
      yield* makeFolder(dirname(target))
      yield* call('rename', path, target)
    }
  }

  /** Removes the files that were made to try names. */
  *clear(): FileWork<void> {
    const folder = join(this.#work, TRIAL_FOLDER)
    for (const name of yield* call('readdir', folder)) yield* call('unlink', join(folder, name))
    yield* call('rmdir', folder)
  }

  static isTrialFolder(name: string): boolean {
    return name === TRIAL_FOLDER
  }

  *#check(name: string): FileWork<void> {
    yield* this.#checkFolders(name)
    for (const segment of segmentsOf(name)) if (!PLAIN.test(segment)) yield* this.#tryOut(segment)
    const stats = yield* statsOf(join(this.#root, name))
    if (stats?.isDirectory() === true) throw refusal('EISDIR', 'there is a folder of this name')
    if (stats !== undefined && this.isCaseBlind) yield* this.#checkCase(name)
  }

  /** Checks the existing folders of a file: each must be in this output, and on its file system. */
  *#checkFolders(name: string): FileWork<void> {
    for (const folder of foldersOf(name)) {
      if (this.#known.has(folder)) continue
      const path = join(this.#root, folder)
      const stats = yield* statsOf(path)
      if (stats === undefined) return
      if (stats.isSymbolicLink()) yield* this.#checkLink(folder, path)
      else if (!stats.isDirectory()) throw refusal('ENOTDIR', `"${folder}" is no folder`)
      else if (stats.dev !== this.#device)
        throw refusal('EXDEV', `"${folder}" is on another file system`)
      this.#known.add(folder)
    }
  }

  *#checkLink(folder: string, path: string): FileWork<void> {
    const root = yield* call('realpath', this.#root)
    const real = yield* call('realpath', path)
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep))
      throw refusal('ELOOP', `"${folder}" is a link that leads out of the folder`)
    if (!(yield* call('lstat', real)).isDirectory())
      throw refusal('ENOTDIR', `"${folder}" is no folder`)
  }

  /** Tries one name, in a folder where it cannot collide. */
  *#tryOut(segment: string): FileWork<void> {
    const folder = join(this.#work, TRIAL_FOLDER)
    yield* call('mkdir', folder, { recursive: true })
    const path = join(folder, segment)
    yield* call('close', yield* call('open', path, 'w'))
    try {
      yield* call('unlink', path)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  *#checkCase(name: string): FileWork<void> {
    const own = basename(name)
    const names = yield* call('readdir', dirname(join(this.#root, name)))
    const other = names.find((one) => one.toLowerCase() === own.toLowerCase())
    if (other !== undefined && !names.includes(own))
      throw refusal('EEXIST', `the file system takes it for "${other}", which is there`)
  }
}

/** Whether a file cannot get its name until the folder or the name changes. */
export function isRefused(error: unknown): boolean {
  return REFUSALS.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** Adds the name to errors. */
function* naming<T>(name: string, work: FileWork<T>): FileWork<T> {
  try {
    return yield* work
  } catch (error) {
    if (error instanceof SpindleError) throw error
    const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name
    throw new SpindleError(
      'ERR_CHECKPOINT_WRITE',
      `"${shown}" cannot be the name of a file: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function refusal(code: string, problem: string): Error {
  return Object.assign(new Error(`${code}: ${problem}`), { code })
}

/** Stats of a path, without following links; `undefined` if it does not exist. */
function* statsOf(path: string): FileWork<Stats | undefined> {
  try {
    return yield* call('lstat', path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
