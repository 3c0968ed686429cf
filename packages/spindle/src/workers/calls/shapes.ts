// Structured cloning writes and looks up the field names of every object. For small objects that is
// most of the cost of a message. So a flat object is sent as the number of its shape followed by
// its values; the names of a shape are sent once.

/**
 * Maximum number of shapes per worker, and of fields per shape. Other objects are cloned unchanged.
 */
const MOST_SHAPES = 256
const MOST_FIELDS = 32

type Shape = readonly string[]

/** The sender's side: takes objects apart. */
export class ShapeWriter {
  readonly #shapes: Shape[] = []
  readonly #numbers: Map<string, number> = new Map()
  /** The last shape of each op: the next object of an op mostly has the same one. */
  readonly #lastOf: (number | undefined)[] = []
  #sent = 0

  /** Takes the shapes that the other side does not know yet. They then count as known. */
  takeNew(): readonly Shape[] {
    const news = this.#sent === this.#shapes.length ? none : this.#shapes.slice(this.#sent)
    this.#sent = this.#shapes.length
    return news
  }

  /**
   * Appends the fields of a flat object to a list and returns the number of its shape. For other
   * values returns -1, and the list is unchanged.
   */
  write(list: unknown[], value: unknown, op: number): number {
    if (typeof value !== 'object' || value === null) return -1
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype) return -1
    const last = this.#lastOf[op]
    if (last !== undefined && this.#writeAs(list, value as Fields, this.#shapes[last] as Shape))
      return last
    const shape = Object.keys(value)
    const number = this.#numberOf(shape)
    if (number < 0 || !this.#writeAs(list, value as Fields, shape)) return -1
    this.#lastOf[op] = number
    return number
  }

  #writeAs(list: unknown[], value: Fields, shape: Shape): boolean {
    const start = list.length
    let at = 0
    for (const key in value) {
      const field = value[key]
      if (shape[at] !== key || !isPlain(field)) {
        list.length = start
        return false
      }
      list.push(field)
      at++
    }
    if (at === shape.length) return true
    list.length = start
    return false
  }

  #numberOf(shape: Shape): number {
    // A field with this name would set the prototype instead.
    if (shape.length > MOST_FIELDS || shape.includes('__proto__')) return -1
    const key = JSON.stringify(shape)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.#shapes.length === MOST_SHAPES) return -1
    this.#shapes.push(shape)
    this.#numbers.set(key, this.#shapes.length - 1)
    return this.#shapes.length - 1
  }
}

/** The receiver's side: rebuilds objects. */
export class ShapeReader {
  readonly #shapes: Shape[] = []

  learn(shapes: readonly Shape[]): void {
    for (const shape of shapes) this.#shapes.push(shape)
  }

  /** Number of fields of a shape. */
  lengthOf(number: number): number {
    return (this.#shapes[number] as Shape).length
  }

  /** Rebuilds the object whose fields begin at `at`. */
  read(list: readonly unknown[], at: number, number: number): Fields {
    const shape = this.#shapes[number] as Shape
    const value: Fields = {}
    for (let i = 0; i < shape.length; i++) value[shape[i] as string] = list[at + i]
    return value
  }
}

type Fields = Record<string, unknown>

const none: readonly Shape[] = []

function isPlain(field: unknown): boolean {
  if (field === null) return true
  const type = typeof field
  return type !== 'object' && type !== 'function' && type !== 'symbol'
}
