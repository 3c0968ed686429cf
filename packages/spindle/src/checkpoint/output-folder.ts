import { randomBytes } from 'node:crypto'
import { dirname, extname, join } from 'node:path'
import { messageOf, SpindleError } from '../errors.ts'
import { takenCheckpoint } from './checkpoint-state.ts'
import {
  all,
  call,
  type FileWork,
  isMissing,
  makeFile,
  makeFolder,
  syncFile,
  syncFolder,
  writeAll,
} from './file-work.ts'
import { type CommittedFile, OWNER_FILE, readManifest, writeManifest } from './manifest.ts'
import { foldersOf, WORK_FOLDER } from './names.ts'
import { PartNames } from './part-names.ts'
import { isRefused, Places } from './places.ts'

/** Temporary name: owner and number. The ending of the final name may follow. */
const TEMP = /^[0-9a-f]{16}-\d+/
/**
 * A file name ending that tells a library what to write. A longer one could make the temporary name
 * too long although the final name is not.
 */
const ENDING = /^\.[\w-]{1,32}$/

/**
 * A committed file that cannot get its name: the file system refuses the name, or something is in
 * the way. It is kept, and each `open()` tries again.
 */
export interface UnplacedFile {
  /** Name under which the file was committed. */
  readonly name: string
  /** Path where the complete file is. */
  readonly path: string
  /** Error of the file system. */
  readonly cause: unknown
}

/**
 * The folder of an output on the disk.
 *
 * A file is written under a temporary name in the work folder. A commit syncs the file, then
 * renames a new manifest, which names it, over the old one: this rename is the commit. Only after
 * it the file gets its own name. Opening the folder after a crash makes the missing renames and
 * removes the files that no manifest names. So a file under its own name is always complete and
 * committed, and every committed file gets its name in the end.
 */
export class OutputFolder {
  readonly path: string
  readonly #work: string
  readonly #owner: string
  readonly #partNames: PartNames
  readonly #places: Places
  /** Files of earlier commits that cannot get their names, by their temporary names. */
  readonly #unplaced: Map<string, UnplacedFile> = new Map()
  /**
   * Folders that got files which the manifest still names. They are synced before the next manifest
   * drops those names.
   */
  readonly #unsynced: Set<string> = new Set()
  #temps = 0
  #commits = 0
  #parts = 0
  #state: object | undefined
  #part: { readonly temp: string; readonly fd: number } | undefined

  private constructor(path: string, owner: string, places: Places, partNames: PartNames) {
    this.path = path
    this.#work = join(path, WORK_FOLDER)
    this.#owner = owner
    this.#places = places
    this.#partNames = partNames
  }

  /** Makes the folder or takes it over, and finishes the last commit. */
  static *open(path: string, partName: (part: number) => string): FileWork<OutputFolder> {
    const work = join(path, WORK_FOLDER)
    yield* makeFolder(work)
    const owner = randomBytes(8).toString('hex')
    // Written before the manifest is read: the previous owner then cannot commit anything that is
    // not read here.
    yield* makeFile(join(work, OWNER_FILE), [Buffer.from(owner)])
    const places = yield* Places.open(path, work, OWNER_FILE)
    const manifest = yield* readManifest(work)
    const folder = new OutputFolder(
      path,
      owner,
      places,
      new PartNames(partName, manifest?.parts ?? 0),
    )
    if (manifest !== undefined) {
      folder.#commits = manifest.commits
      folder.#parts = manifest.parts
      folder.#state = manifest.state
      for (const file of manifest.files) yield* folder.#placeAgain(file)
    }
    yield* folder.#removeTemps('')
    yield* folder.#checkNextPart()
    return folder
  }

  get commits(): number {
    return this.#commits
  }

  get parts(): number {
    return this.#parts
  }

  /** Committed files without their names. */
  get unplaced(): readonly UnplacedFile[] {
    return [...this.#unplaced.values()]
  }

  /** Whether the file system ignores case in names. */
  get isCaseBlind(): boolean {
    return this.#places.isCaseBlind
  }

  /** The state of the last commit. */
  get state(): object | undefined {
    return this.#state
  }

  /**
   * A new temporary name. It has the ending of the final name, because libraries that write files
   * look at the ending.
   */
  nextTemp(name = ''): string {
    const ending = extname(name)
    return `${this.#owner}-${this.#temps++}${ENDING.test(ending) ? ending : ''}`
  }

  /**
   * Refuses a name that belongs to a part or to a folder of parts, now or later.
   *
   * @throws `ERR_CHECKPOINT_WRITE`
   */
  checkNotPart(name: string): void {
    for (const one of [...foldersOf(name), name]) {
      const part = this.#partNames.numberOf(one, this.#parts)
      if (part !== undefined) throw ofPart(name, part)
    }
    if (foldersOf(this.#partNames.of(this.#parts)).includes(name)) throw ofPart(name, this.#parts)
  }

  /**
   * Checks that the file system accepts a name.
   *
   * @throws `ERR_CHECKPOINT_WRITE`
   */
  *checkPlace(name: string): FileWork<void> {
    yield* this.#places.check(name)
  }

  /** Path of a temporary name. */
  pathOf(temp: string): string {
    return join(this.#work, temp)
  }

  /** Appends to the part that the next commit will name. */
  *append(chunks: readonly Uint8Array[]): FileWork<void> {
    if (this.#part === undefined) {
      const temp = this.nextTemp()
      this.#part = { temp, fd: yield* call('open', this.pathOf(temp), 'w') }
    }
    yield* writeAll(this.#part.fd, chunks)
  }

  /** Commits the current part, these files and the state: all of it or nothing. */
  *commit(files: readonly CommittedFile[], state: object): FileWork<void> {
    const committed = [...files]
    if (this.#part !== undefined) {
      committed.push({ temp: this.#part.temp, name: this.#partNames.of(this.#parts) })
      yield* this.#closePart()
      yield* this.#checkNextPart(true)
    }
    yield* all(committed.map(({ temp }) => syncFile(this.pathOf(temp))))
    // Checked before the manifest: after it, a file that cannot get its name would already be
    // committed.
    yield* this.#places.prepare(committed.map(({ name }) => name))
    for (const target of this.#unsynced) yield* syncFolder(target)
    if (committed.length > 0) yield* syncFolder(this.#work)

    const parts = this.#parts + (committed.length - files.length)
    const commits = this.#commits + 1
    const kept = this.#keptBeside(committed)
    const manifest = { commits, parts, files: [...kept, ...committed], state }
    yield* writeManifest(this.#work, manifest, () => this.#checkOwner())
    this.#commits = commits
    this.#parts = parts
    this.#state = state
    this.#unsynced.clear()
    for (const file of committed) yield* this.#place(file)
  }

  /** The files that could not get their names and that this commit does not replace. */
  #keptBeside(committed: readonly CommittedFile[]): CommittedFile[] {
    if (this.#unplaced.size === 0) return []
    const names = new Set(committed.map(({ name }) => name))
    for (const [temp, { name }] of this.#unplaced) if (names.has(name)) this.#unplaced.delete(temp)
    return [...this.#unplaced].map(([temp, { name }]) => ({ temp, name }))
  }

  /** Removes what is not committed. */
  *close(): FileWork<void> {
    yield* this.#closePart()
    yield* this.#removeTemps(this.#owner)
  }

  /** Closes open files and leaves all files in place. */
  *abandon(): FileWork<void> {
    yield* this.#closePart()
  }

  *#closePart(): FileWork<void> {
    const part = this.#part
    this.#part = undefined
    if (part !== undefined) yield* call('close', part.fd)
  }

  /** Gives a committed file its name. */
  *#place({ temp, name }: CommittedFile): FileWork<void> {
    this.#unsynced.add(dirname(join(this.path, name)))
    try {
      yield* this.#places.give(this.pathOf(temp), name)
    } catch (error) {
      if (!isMissing(error)) throw error
      // An earlier run may have renamed it already.
      if (!(yield* this.#places.isTaken(name)))
        throw new SpindleError(
          'ERR_BAD_CHECKPOINT',
          `${this.path}: "${name}" was committed and is missing`,
        )
    }
  }

  /**
   * The same for a file of an earlier run. A file that cannot get its name is kept, so that it does
   * not stop the others.
   */
  *#placeAgain(file: CommittedFile): FileWork<void> {
    try {
      yield* this.#place(file)
    } catch (error) {
      if (!isRefused(error)) throw error
      const { temp, name } = file
      const path = this.pathOf(temp)
      this.#unplaced.set(temp, { name, path, cause: error })
      process.emitWarning(
        `spindle: "${name}" was committed and cannot be renamed (${messageOf(error)}): it is kept as ${path}, and renamed when the checkpoint is opened again`,
        { code: 'SPINDLE_UNPLACED' },
      )
    }
  }

  *#removeTemps(owner: string): FileWork<void> {
    for (const name of yield* call('readdir', this.#work)) {
      if (Places.isTrialFolder(name)) yield* this.#places.clear()
      if (!TEMP.test(name) || !name.startsWith(owner) || this.#unplaced.has(name)) continue
      try {
        yield* call('unlink', join(this.#work, name))
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
  }

  *#checkOwner(): FileWork<void> {
    const owner = yield* call('readFile', join(this.#work, OWNER_FILE), 'utf8')
    if (owner !== this.#owner) throw takenCheckpoint(this.path)
  }

  /**
   * Checks that nothing exists under the next part's name. A folder whose manifest is lost looks
   * new, and one with an older manifest from a backup looks as it did then.
   */
  *#checkNextPart(isCommit = false): FileWork<void> {
    const name = this.#partNames.of(this.#parts)
    if (!(yield* this.#places.isTaken(name))) return
    // Another owner may have made it.
    if (isCommit) yield* this.#checkOwner()
    const state = this.#commits === 0 ? 'has no manifest' : `has a manifest of ${this.#parts} parts`
    throw new SpindleError(
      'ERR_BAD_CHECKPOINT',
      `${this.path} ${state}, but holds "${name}", which the next part would overwrite: restore the manifest that belongs to the files, or move the files of later parts away`,
    )
  }
}

function ofPart(name: string, part: number): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_WRITE',
    `"${name}" cannot be the name of a file: it belongs to part ${part}, see \`partName\``,
  )
}
