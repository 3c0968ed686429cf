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

/** Of whom, and which; the ending of the name it will get may follow. */
const TEMP = /^[0-9a-f]{16}-\d+/
/**
 * An ending that tells a library what to write. What is longer would make the passing name too long
 * for a name that is not.
 */
const ENDING = /^\.[\w-]{1,32}$/

/**
 * A committed file that cannot get its name: the file system refuses it, or something is in its
 * way. It is kept, and tried again at each `open()`.
 */
export interface UnplacedFile {
  /** The name that it was committed under. */
  readonly name: string
  /** Where it lies, complete. */
  readonly path: string
  /** What the file system said. */
  readonly cause: unknown
}

/**
 * The folder of an output, as it is on the disk.
 *
 * A file is written under a passing name in the work folder. A commit syncs it, then renames a new
 * manifest over the old one, which names it: that rename is the commit. Only then it gets its own
 * name. Who opens the folder after a crash does such renames as are missing, and removes what no
 * manifest names. So a file under its own name is always complete and committed, and a committed
 * one always gets there.
 */
export class OutputFolder {
  readonly path: string
  readonly #work: string
  readonly #owner: string
  readonly #partNames: PartNames
  readonly #places: Places
  /** Files of earlier commits that cannot get their names, under their passing ones. */
  readonly #unplaced: Map<string, UnplacedFile> = new Map()
  /**
   * Folders into which files were renamed that the manifest still names; they are synced before it
   * forgets them.
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

  /** Makes the folder or takes it over, with what the last commit left to be done. */
  static *open(path: string, partName: (part: number) => string): FileWork<OutputFolder> {
    const work = join(path, WORK_FOLDER)
    yield* makeFolder(work)
    const owner = randomBytes(8).toString('hex')
    // Before the manifest is read: who had the folder until now commits nothing that is not read
    // here.
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

  /** Whether the file system takes names that differ in case only for the same. */
  get isCaseBlind(): boolean {
    return this.#places.isCaseBlind
  }

  /** The state of the last commit. */
  get state(): object | undefined {
    return this.#state
  }

  /** A new passing name. It ends like the lasting one: libraries that write files look at that. */
  nextTemp(name = ''): string {
    const ending = extname(name)
    return `${this.#owner}-${this.#temps++}${ENDING.test(ending) ? ending : ''}`
  }

  /**
   * Refuses what is, or will be, the name of a part or of a folder of parts. @throws
   * `ERR_CHECKPOINT_WRITE`
   */
  checkNotPart(name: string): void {
    for (const one of [...foldersOf(name), name]) {
      const part = this.#partNames.numberOf(one, this.#parts)
      if (part !== undefined) throw ofPart(name, part)
    }
    if (foldersOf(this.#partNames.of(this.#parts)).includes(name)) throw ofPart(name, this.#parts)
  }

  /** Whether the file system takes a name. @throws `ERR_CHECKPOINT_WRITE` */
  *checkPlace(name: string): FileWork<void> {
    yield* this.#places.check(name)
  }

  /** Where a passing name lies. */
  pathOf(temp: string): string {
    return join(this.#work, temp)
  }

  /** Appends to the part that the next commit names. */
  *append(chunks: readonly Uint8Array[]): FileWork<void> {
    if (this.#part === undefined) {
      const temp = this.nextTemp()
      this.#part = { temp, fd: yield* call('open', this.pathOf(temp), 'w') }
    }
    yield* writeAll(this.#part.fd, chunks)
  }

  /** Commits the part begun, these files, and the state: all of it, or nothing. */
  *commit(files: readonly CommittedFile[], state: object): FileWork<void> {
    const committed = [...files]
    if (this.#part !== undefined) {
      committed.push({ temp: this.#part.temp, name: this.#partNames.of(this.#parts) })
      yield* this.#closePart()
      yield* this.#checkNextPart(true)
    }
    yield* all(committed.map(({ temp }) => syncFile(this.pathOf(temp))))
    // After the manifest, what cannot get its name is committed all the same.
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

  /** Of the files that could not get their names, those that are not made anew now. */
  #keptBeside(committed: readonly CommittedFile[]): CommittedFile[] {
    if (this.#unplaced.size === 0) return []
    const names = new Set(committed.map(({ name }) => name))
    for (const [temp, { name }] of this.#unplaced) if (names.has(name)) this.#unplaced.delete(temp)
    return [...this.#unplaced].map(([temp, { name }]) => ({ temp, name }))
  }

  /** Forgets what is not committed. */
  *close(): FileWork<void> {
    yield* this.#closePart()
    yield* this.#removeTemps(this.#owner)
  }

  /** Closes what is open, and leaves everything as it lies. */
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
      // Somebody got as far as this before; then it is there.
      if (!(yield* this.#places.isTaken(name)))
        throw new SpindleError(
          'ERR_BAD_CHECKPOINT',
          `${this.path}: "${name}" was committed and is not there`,
        )
    }
  }

  /**
   * The same for a file of an earlier run. One that cannot get its name is kept, and must not keep
   * the others from being gone on with.
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
        `spindle: "${name}" was committed and cannot get its name (${messageOf(error)}): it is kept as ${path}, and tried again when the checkpoint is opened`,
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
   * Nothing may be where the next part goes: a folder without its manifest looks new, and one with
   * an older manifest, from a backup, looks as it was then.
   */
  *#checkNextPart(isCommit = false): FileWork<void> {
    const name = this.#partNames.of(this.#parts)
    if (!(yield* this.#places.isTaken(name))) return
    // Another one may have made it.
    if (isCommit) yield* this.#checkOwner()
    const state = this.#commits === 0 ? 'has no manifest' : `has a manifest of ${this.#parts} parts`
    throw new SpindleError(
      'ERR_BAD_CHECKPOINT',
      `${this.path} ${state}, but holds "${name}", which the next part would overwrite: put back the manifest that belongs to the files, or move the files of later parts away`,
    )
  }
}

function ofPart(name: string, part: number): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_WRITE',
    `"${name}" cannot be the name of a file: it belongs to part ${part}, see \`partName\``,
  )
}
