import { badOption } from '../check.ts'
import { checkName } from './names.ts'

/** Numbers by which is tried out whether a part's number can be read in its name. */
const SAMPLES = [0, 1, 9, 10, 4711, 1_234_567]

/** The names of parts: which they are, and whether another name is one of them. */
export class PartNames {
  readonly #partName: (part: number) => string
  readonly #isReadable: boolean
  /** The names of all parts so far, where their numbers cannot be read in them. */
  readonly #known: Map<string, number> = new Map()
  #upTo = 0

  /** @throws `ERR_BAD_OPTION` unless parts `parts` and `parts + 1` have different names */
  constructor(partName: (part: number) => string, parts: number) {
    this.#partName = partName
    if (this.of(parts) === this.of(parts + 1))
      badOption('partName', 'a function that gives each part another name', partName)
    this.#isReadable = SAMPLES.every((part) => {
      const name = this.#tried(part)
      return name !== undefined && this.#read(name) === part
    })
  }

  /** @throws `ERR_BAD_OPTION` if it is no name inside of the folder */
  of(part: number): string {
    return checkName('partName()', this.#partName(part))
  }

  /**
   * The number of the part that has a name, of the first `parts` and any later one as far as can be
   * told; `undefined` if none has.
   */
  numberOf(name: string, parts: number): number | undefined {
    if (this.#isReadable) return this.#read(name)
    for (; this.#upTo < parts + 2; this.#upTo++) this.#known.set(this.of(this.#upTo), this.#upTo)
    return this.#known.get(name)
  }

  #read(name: string): number | undefined {
    return (name.match(/\d+/g) ?? [])
      .map(Number)
      .find((part) => Number.isSafeInteger(part) && this.#tried(part) === name)
  }

  /** A function that fails for a number that it is never asked for has no name for it. */
  #tried(part: number): string | undefined {
    try {
      return this.#partName(part)
    } catch {
      return undefined
    }
  }
}
