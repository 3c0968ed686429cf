/**
 * A cache of objects that take long to make, by key. Above `most`, it frees the least recently used
 * one.
 */
export class Kept<T> {
  readonly #most: number
  readonly #free: (value: T) => void
  /** The least recently used comes first. */
  readonly #values = new Map<string, T>()

  constructor(most: number, free: (value: T) => void) {
    this.#most = most
    this.#free = free
  }

  get size(): number {
    return this.#values.size
  }

  /** The object with a key, if any. */
  find(key: string): T | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** Adds an object with a new key. */
  add(key: string, value: T): T {
    this.#values.set(key, value)
    if (this.#values.size > this.#most) this.freeOldest()
    return value
  }

  freeOldest(): void {
    for (const [key, value] of this.#values) {
      this.#values.delete(key)
      this.#free(value)
      return
    }
  }

  /** Frees all objects. The cache can be used again. */
  clear(): void {
    for (const value of this.#values.values()) this.#free(value)
    this.#values.clear()
  }
}
