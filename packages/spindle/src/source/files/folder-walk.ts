import type { Dir, Dirent } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Entries that the system gives at a time. */
const ENTRIES = 1024

/** Which files are listed, and how. */
export interface WantedFiles {
  readonly isRecursive: boolean
  readonly isSorted: boolean
  /** Whether to include a file, by its path below the folder, with `/` between names. */
  readonly isWanted: ((path: string) => boolean) | undefined
}

/** A folder whose files are being given. */
interface OpenFolder {
  /** What stands in front of each name: the path of the folder, with a separator. */
  readonly path: string
  /** The same below the first folder, with `/` between names. */
  readonly below: string
  /** The folder while it is read; `undefined` when {@link names} has all of it. */
  dir: Dir | undefined
  names: string[]
  next: number
  /** What among the names is a folder or a link: few. */
  readonly others: Map<string, 'folder' | 'link'>
}

/**
 * The files of a folder, and of the folders in it. It gives results without a promise while names
 * are there: `for await` and the engine take both, and a promise for each of a million files would
 * cost more than reading the folder.
 */
export class FolderWalk implements AsyncIterableIterator<string> {
  readonly #wanted: WantedFiles
  readonly #open: OpenFolder[] = []
  #first: string | undefined
  /** The call that is waiting. Later ones wait for it. */
  #pending: Promise<unknown> | undefined

  constructor(directory: string, wanted: WantedFiles) {
    this.#first = directory
    this.#wanted = wanted
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<string, undefined>> {
    if (this.#pending === undefined) {
      const folder = this.#open.at(-1)
      if (folder !== undefined && folder.others.size === 0 && folder.next < folder.names.length)
        return given(folder.path + folder.names[folder.next++]) as unknown as Promise<Given>
    }
    return this.#later(() => this.#find())
  }

  return(): Promise<IteratorResult<string, undefined>> {
    return this.#later(() => this.#end())
  }

  #later(
    work: () => Promise<IteratorResult<string, undefined>>,
  ): Promise<IteratorResult<string, undefined>> {
    const result = this.#pending === undefined ? work() : this.#pending.then(work, work)
    const pending = result.then(forget, forget)
    const done = (): void => {
      if (this.#pending === pending) this.#pending = undefined
    }
    this.#pending = pending
    void pending.then(done)
    return result
  }

  async #find(): Promise<IteratorResult<string, undefined>> {
    try {
      if (this.#first !== undefined) {
        const first = this.#first
        this.#first = undefined
        await this.#enter(first, '')
      }
      for (let folder = this.#open.at(-1); folder !== undefined; folder = this.#open.at(-1)) {
        if (folder.next === folder.names.length) {
          if (folder.dir === undefined) this.#open.pop()
          else await this.#read(folder)
          continue
        }
        const name = folder.names[folder.next++] as string
        const path = folder.path + name
        const kind = folder.others.get(name)
        if (kind === 'folder') await this.#enter(path, `${folder.below}${name}/`)
        else if (kind === undefined || (await leadsToFile(path))) return given(path)
      }
      return { done: true, value: undefined }
    } catch (error) {
      await this.#end()
      throw error
    }
  }

  async #enter(path: string, below: string): Promise<void> {
    // `join` also shortens "./a" and doubled separators.
    const prefix = join(path, 'x').slice(0, -1)
    const dir = await opendir(path, { bufferSize: ENTRIES })
    const folder: OpenFolder = {
      path: prefix,
      below,
      dir,
      names: [],
      next: 0,
      others: new Map(),
    }
    this.#open.push(folder)
    if (!this.#wanted.isSorted) return
    while (folder.dir !== undefined) await this.#read(folder)
    // By UTF-16 unit. The objects of `readdir` with types would cost more than it saves here.
    folder.names.sort()
  }

  /** Reads some more names. Those that were given are forgotten. */
  async #read(folder: OpenFolder): Promise<void> {
    const dir = folder.dir as Dir
    if (!this.#wanted.isSorted) {
      folder.names = []
      folder.next = 0
      folder.others.clear()
    }
    // The first call waits for the system. The others find what came with it: a promise for each
    // entry would cost more than the entry.
    let entry = await dir.read()
    for (let left = ENTRIES; entry !== null; entry = dir.readSync()) {
      this.#add(folder, entry)
      if (--left === 0) return
    }
    folder.dir = undefined
    await dir.close()
  }

  #add({ names, others, below }: OpenFolder, entry: Dirent): void {
    const { name } = entry
    if (name.startsWith('.')) return
    const { isRecursive, isWanted } = this.#wanted
    const isFile = entry.isFile()
    const isFolder = !isFile && entry.isDirectory()
    if (isFolder) {
      if (!isRecursive) return
    } else if (!isFile && !entry.isSymbolicLink()) return
    else if (isWanted !== undefined && !isWanted(below + name)) return
    names.push(name)
    if (!isFile) others.set(name, isFolder ? 'folder' : 'link')
  }

  async #end(): Promise<IteratorResult<string, undefined>> {
    this.#first = undefined
    for (const { dir } of this.#open.splice(0)) await dir?.close().catch(() => {})
    return { done: true, value: undefined }
  }
}

type Given = IteratorResult<string, undefined>

function given(value: string): Given {
  return { done: false, value }
}

function forget(): void {}

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
