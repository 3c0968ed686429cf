import { badOption } from '../check.ts'
import { checkName } from './names.ts'

/** Numbers used to test whether a part's number can be read from its name. */
const SAMPLES = [0, 1, 9, 10, 4711, 1_234_567]

/** The names of parts. Tells whether another name is one of them. */
export class PartNames {
  readonly #partName: (part: number) => string
  readonly #isReadable: boolean
  /** The names of all parts so far, if their numbers cannot be read from them. */
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

  /**
   * Name of a part.
   *
   * @throws `ERR_BAD_OPTION` if it is not a file name inside the folder
   */
  of(part: number): string {
    return checkName('partName()', this.#partName(part))
  }

  /**
   * Number of the part with a name; `undefined` if there is none. Knows the first `parts` parts,
   * and later ones if numbers can be read from names.
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

  /** A function that fails for a number which never occurs has no name for it. */
  #tried(part: number): string | undefined {
    try {
      return this.#partName(part)
    } catch {
      return undefined
    }
  }
}
