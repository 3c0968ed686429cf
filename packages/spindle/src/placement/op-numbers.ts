import type { ExecutorCall } from './executor.ts'
import type { OpReference } from './protocol.ts'

/** The ops a pool has met, numbered, so that each is named to a worker once. */
export class OpNumbers {
  readonly references: OpReference[] = []
  readonly #modules: Map<string, number[]> = new Map()

  numberOf({ filename, name, init }: ExecutorCall): number {
    let numbers = this.#modules.get(filename)
    if (numbers === undefined) {
      numbers = []
      this.#modules.set(filename, numbers)
    }
    for (const number of numbers) {
      const known = this.references[number] as OpReference
      if (known.exportName === name && known.init === init) return number
    }
    const number = this.references.length
    this.references.push({ href: filename, exportName: name, init })
    numbers.push(number)
    return number
  }
}
