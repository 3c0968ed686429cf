import { SpindleError } from '../errors.ts'
import { foldersOf } from './names.ts'

/** The file names of one commit. Checks that no two of them conflict. */
export class StagedNames {
  readonly #isCaseBlind: boolean
  readonly #files: Map<string, { readonly name: string; count: number }> = new Map()
  /** Folders of the files, with the number of files in each. */
  readonly #folders: Map<string, number> = new Map()

  /** `isCaseBlind`: whether the file system ignores case in names. */
  constructor(isCaseBlind: boolean) {
    this.#isCaseBlind = isCaseBlind
  }

  /**
   * @throws `ERR_CHECKPOINT_WRITE` if another file is where this one needs a folder, or the
   *   reverse, or if a name differs only in case
   */
  add(name: string): void {
    const folders = foldersOf(name)
    const file = folders.find((folder) => this.#files.has(this.#key(folder)))
    if (file !== undefined) throw inTheWay(name, `"${file}" is a file of the same commit`)
    const key = this.#key(name)
    if (this.#folders.has(key))
      throw inTheWay(name, 'it is a folder that a file of the same commit is in')
    const same = this.#files.get(key)
    if (same !== undefined && same.name !== name)
      throw inTheWay(name, `the file system takes it for "${same.name}", a file of the same commit`)
    if (same === undefined) this.#files.set(key, { name, count: 1 })
    else same.count++
    for (const folder of folders) this.#count(this.#key(folder), 1)
  }

  /** Removes the name of a file that was not made. */
  remove(name: string): void {
    const key = this.#key(name)
    const file = this.#files.get(key)
    if (file === undefined) return
    if (--file.count === 0) this.#files.delete(key)
    for (const folder of foldersOf(name)) this.#count(this.#key(folder), -1)
  }

  #count(folder: string, change: number): void {
    const count = (this.#folders.get(folder) ?? 0) + change
    if (count > 0) this.#folders.set(folder, count)
    else this.#folders.delete(folder)
  }

  #key(name: string): string {
    return this.#isCaseBlind ? name.normalize('NFC').toLowerCase() : name
  }
}

function inTheWay(name: string, problem: string): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_WRITE',
    `"${name}" cannot be the name of a file: ${problem}`,
  )
}
