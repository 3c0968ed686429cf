import { BoxReader, boxes, findBox } from './boxes.ts'

/** One property of an item: its box. */
export interface HeifProperty {
  readonly type: string
  readonly body: Buffer
}

/**
 * The items of a HEIF file: pictures, their parts, and their properties (ISO/IEC 23008-12; ISO/IEC
 * 14496-12, 8.11).
 */
export class HeifItems {
  readonly #file: Buffer
  readonly #meta: Buffer
  readonly #types = new Map<number, string>()
  readonly primary: number

  /** @throws Error if the file has no primary picture */
  constructor(file: Buffer) {
    const meta = findBox(file, 'meta')?.subarray(4)
    const [pitm, iinf] = [findBox(meta, 'pitm'), findBox(meta, 'iinf')]
    if (meta === undefined || pitm === undefined || iinf === undefined)
      throw new Error('the HEIF file has no primary picture')
    this.#file = file
    this.#meta = meta
    const { version, reader } = fullBox(pitm)
    this.primary = reader.number(version === 0 ? 2 : 4)
    this.#readTypes(iinf)
  }

  /**
   * The type of an item: `av01` and `hvc1` are coded pictures, `grid` is composed of other items.
   */
  type(id: number): string | undefined {
    return this.#types.get(id)
  }

  /**
   * The bytes of an item: parts of the file or of the item data box.
   *
   * @throws Error if they are missing
   */
  data(id: number): Buffer {
    const iloc = findBox(this.#meta, 'iloc')
    if (iloc === undefined) throw new Error('the HEIF file does not say where its picture is')
    const { version, reader } = fullBox(iloc)
    const [sizes, baseSizes] = [reader.number(1), reader.number(1)]
    const [offsetSize, lengthSize, baseSize] = [sizes >> 4, sizes & 15, baseSizes >> 4]
    const indexSize = version === 0 ? 0 : baseSizes & 15
    for (let left = reader.number(version < 2 ? 2 : 4); left > 0; left--) {
      const item = reader.number(version < 2 ? 2 : 4)
      const method = version === 0 ? 0 : reader.number(2) & 15
      reader.skip(2) // data reference
      const base = reader.number(baseSize)
      const from = method === 1 ? (findBox(this.#meta, 'idat') ?? Buffer.alloc(0)) : this.#file
      const parts: Buffer[] = []
      for (let extents = reader.number(2); extents > 0; extents--) {
        reader.skip(indexSize)
        const start = base + reader.number(offsetSize)
        const length = reader.number(lengthSize) || from.length - start
        if (item === id && start + length > from.length)
          throw new Error('the HEIF file is truncated')
        parts.push(from.subarray(start, start + length))
      }
      if (item === id) return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    }
    throw new Error('the HEIF file does not say where its picture is')
  }

  /** The properties of an item, in their order (ISO/IEC 23008-12, 9.3). */
  properties(id: number): HeifProperty[] {
    const iprp = findBox(this.#meta, 'iprp')
    const [ipco, ipma] = [findBox(iprp, 'ipco'), findBox(iprp, 'ipma')]
    if (ipco === undefined || ipma === undefined) return []
    const all = [...boxes(ipco)]
    const { version, flags, reader } = fullBox(ipma)
    for (let left = reader.number(4); left > 0; left--) {
      const item = reader.number(version === 0 ? 2 : 4)
      const numbers = Array.from({ length: reader.number(1) }, () =>
        (flags & 1) === 1 ? reader.number(2) & 0x7fff : reader.number(1) & 0x7f,
      )
      if (item === id) return numbers.flatMap((number) => all[number - 1] ?? [])
    }
    return []
  }

  /** The items that an item refers to by a type of reference: `dimg` for the parts of a grid. */
  references(from: number, type: string): number[] {
    return this.#eachReference(type, (item, to) => (item === from ? to : []))
  }

  /**
   * The items that refer to an item by a type of reference: `auxl` for auxiliary pictures such as
   * alpha.
   */
  referring(to: number, type: string): number[] {
    return this.#eachReference(type, (item, items) => (items.includes(to) ? [item] : []))
  }

  #eachReference(type: string, pick: (from: number, to: number[]) => number[]): number[] {
    const iref = findBox(this.#meta, 'iref')
    if (iref === undefined) return []
    const size = iref[0] === 0 ? 2 : 4
    return [...boxes(iref.subarray(4))].flatMap((box) => {
      if (box.type !== type) return []
      const reader = new BoxReader(box.body)
      const from = reader.number(size)
      return pick(
        from,
        Array.from({ length: reader.number(2) }, () => reader.number(size)),
      )
    })
  }

  #readTypes(iinf: Buffer): void {
    const { version, reader } = fullBox(iinf)
    for (let left = reader.number(version === 0 ? 2 : 4); left > 0; left--) {
      const entry = fullBox(reader.box())
      const id = entry.reader.number(entry.version === 2 ? 2 : 4)
      entry.reader.skip(2)
      this.#types.set(id, entry.reader.text(4))
    }
  }
}

function fullBox(box: Buffer): { version: number; flags: number; reader: BoxReader } {
  const reader = new BoxReader(box)
  return { version: reader.number(1), flags: reader.number(3), reader }
}
