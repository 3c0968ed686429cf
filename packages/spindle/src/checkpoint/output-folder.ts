import { randomBytes } from 'node:crypto'
import { dirname, extname, join } from 'node:path'
import { badOption } from '../check.ts'
import { SpindleError } from '../errors.ts'
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
import { type CommittedFile, readManifest, WORK_FOLDER, writeManifest } from './manifest.ts'
import { checkName } from './names.ts'
import { takenCheckpoint } from './state.ts'

const OWNER_FILE = 'owner'
/** Of whom, and which; the ending of the name it will get may follow. */
const TEMP = /^[0-9a-f]{16}-\d+/

/**
 * The folder of an output, as it is on the disk.
 *
 * A file is written under a passing name in the work folder. A commit syncs it, then renames a new manifest over the old one, which names it: that
 * rename is the commit. Only then it gets its own name. Who opens the folder after a crash does such renames as are missing, and removes what no manifest
 * names. So a file under its own name is always complete and committed, and a committed one always gets there.
 */
export class OutputFolder {
  readonly path: string
  readonly #work: string
  readonly #owner: string
  readonly #partName: (part: number) => string
  /** Folders into which files were renamed that the manifest still names; they are synced before it forgets them. */
  readonly #unsynced: Set<string> = new Set()
  #temps = 0
  #commits = 0
  #parts = 0
  #state: object | undefined
  #part: { readonly temp: string; readonly fd: number } | undefined

  private constructor(path: string, partName: (part: number) => string) {
    this.path = path
    this.#work = join(path, WORK_FOLDER)
    this.#owner = randomBytes(8).toString('hex')
    this.#partName = partName
  }

  /** Makes the folder or takes it over, with what the last commit left to be done. */
  static *open(path: string, partName: (part: number) => string): FileWork<OutputFolder> {
    const folder = new OutputFolder(path, partName)
    yield* makeFolder(folder.#work)
    // Before the manifest is read: who had the folder until now commits nothing that is not read here.
    yield* makeFile(join(folder.#work, OWNER_FILE), [Buffer.from(folder.#owner)])
    const manifest = yield* readManifest(folder.#work)
    if (manifest !== undefined) {
      folder.#commits = manifest.commits
      folder.#parts = manifest.parts
      folder.#state = manifest.state
      yield* folder.#giveNames(manifest.files)
    }
    yield* folder.#removeTemps('')
    yield* folder.#checkPartNames()
    return folder
  }

  get commits(): number {
    return this.#commits
  }

  get parts(): number {
    return this.#parts
  }

  /** The state of the last commit. */
  get state(): object | undefined {
    return this.#state
  }

  /** A new passing name. It ends like the lasting one: libraries that write files look at that. */
  nextTemp(name = ''): string {
    return `${this.#owner}-${this.#temps++}${extname(name)}`
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
      committed.push({ temp: this.#part.temp, name: this.#nameOf(this.#parts) })
      yield* this.#closePart()
    }
    yield* all(committed.map(({ temp }) => syncFile(this.pathOf(temp))))
    const targets = new Set(committed.map(({ name }) => dirname(join(this.path, name))))
    for (const target of targets) yield* makeFolder(target)
    for (const target of this.#unsynced) yield* syncFolder(target)
    if (committed.length > 0) yield* syncFolder(this.#work)

    const parts = this.#parts + (committed.length - files.length)
    const commits = this.#commits + 1
    yield* writeManifest(this.#work, { commits, parts, files: committed, state }, () => this.#checkOwner())
    this.#commits = commits
    this.#parts = parts
    this.#state = state
    this.#unsynced.clear()
    yield* this.#giveNames(committed)
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

  *#giveNames(files: readonly CommittedFile[]): FileWork<void> {
    for (const { temp, name } of files) {
      const target = join(this.path, name)
      this.#unsynced.add(dirname(target))
      try {
        yield* call('rename', this.pathOf(temp), target)
      } catch (error) {
        if (!isMissing(error)) throw error
        // Somebody got as far as this before; then it is there.
        if (!(yield* exists(target)))
          throw new SpindleError(
            'ERR_BAD_CHECKPOINT',
            `${this.path}: "${name}" was committed and is not there`,
          )
      }
    }
  }

  *#removeTemps(owner: string): FileWork<void> {
    for (const name of yield* call('readdir', this.#work)) {
      if (!TEMP.test(name) || !name.startsWith(owner)) continue
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

  *#checkPartNames(): FileWork<void> {
    const [next, later] = [this.#parts, this.#parts + 1].map((part) => this.#nameOf(part)) as [string, string]
    if (next === later) badOption('partName', 'a function that gives each part another name', this.#partName)
    // Without its manifest a folder looks new: its first part must not fall upon an old one.
    if (this.#parts === 0 && (yield* exists(join(this.path, next))))
      throw new SpindleError(
        'ERR_BAD_CHECKPOINT',
        `${this.path} has no manifest, but holds "${next}", which the first part would overwrite`,
      )
  }

  #nameOf(part: number): string {
    return checkName('partName()', this.#partName(part))
  }
}

function* exists(path: string): FileWork<boolean> {
  try {
    yield* call('access', path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
