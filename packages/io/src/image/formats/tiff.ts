/** Bytes of one value, by the type of a field (TIFF 6.0, section 2; BigTIFF). */
const WHOLE_NUMBERS: ReadonlyMap<number, number> = new Map([
  [1, 1], // BYTE
  [3, 2], // SHORT
  [4, 4], // LONG
  [13, 4], // IFD
  [16, 8], // LONG8
  [18, 8], // IFD8
])

/** Values of one field that are read: more are nonsense, or would take too long. */
const MOST_VALUES = 1 << 20

/** A field of a directory: where its values lie. */
interface Field {
  readonly type: number
  readonly count: number
  readonly at: number
}

/** The bytes of a TIFF structure, and how numbers lie in them. */
export interface TiffBytes {
  readonly bytes: Buffer
  readonly isLittle: boolean
  /** Whether offsets have 8 bytes. */
  readonly isBig: boolean
}

/** One directory of a TIFF structure: its fields of whole numbers. */
export class TiffDirectory {
  readonly #tiff: TiffBytes
  readonly #fields: ReadonlyMap<number, Field>

  constructor(tiff: TiffBytes, fields: ReadonlyMap<number, Field>) {
    this.#tiff = tiff
    this.#fields = fields
  }

  has(tag: number): boolean {
    return this.#fields.has(tag)
  }

  /**
   * The first value of a field; `undefined` where the field is missing, of another type, or cut
   * off.
   */
  number(tag: number): number | undefined {
    return this.list(tag, 1)[0]
  }

  /** The values of a field, those that are there. */
  list(tag: number, most: number = MOST_VALUES): number[] {
    const field = this.#fields.get(tag)
    const size = field === undefined ? undefined : WHOLE_NUMBERS.get(field.type)
    if (field === undefined || size === undefined) return []
    const values: number[] = []
    for (let i = 0, at = field.at; i < Math.min(field.count, most); i++, at += size) {
      if (at + size > this.#tiff.bytes.length) break
      values.push(readNumber(this.#tiff, at, size))
    }
    return values
  }
}

/** How a TIFF file begins, if it does (TIFF 6.0, section 2; BigTIFF has the number 43). */
export function tiffBytes(bytes: Buffer): TiffBytes | undefined {
  const magic = bytes.toString('latin1', 0, 4)
  const isLittle = magic.startsWith('II')
  if (bytes.length < 8 || !['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(magic)) return undefined
  const isBig = magic.includes('+')
  return isBig && bytes.length < 16 ? undefined : { bytes, isLittle, isBig }
}

/**
 * The directories of a TIFF structure, which is what EXIF is too (CIPA DC-008, 4.6). Ends where
 * they do, or where the bytes make no sense.
 */
export function* tiffDirectories(file: Buffer): Generator<TiffDirectory> {
  const tiff = tiffBytes(file)
  if (tiff === undefined) return
  const { isBig } = tiff
  const [countSize, fieldSize, offsetSize] = isBig ? [8, 20, 8] : [2, 12, 4]
  const met = new Set<number>()
  for (let at = readNumber(tiff, isBig ? 8 : 4, offsetSize); at !== 0 && !met.has(at); ) {
    met.add(at)
    if (at + countSize > file.length) return
    const count = readNumber(tiff, at, countSize)
    const fields = new Map<number, Field>()
    let next = at + countSize
    for (let i = 0; i < count && next + fieldSize <= file.length; i++, next += fieldSize) {
      const type = readNumber(tiff, next + 2, 2)
      const values = readNumber(tiff, next + 4, offsetSize)
      const place = next + 4 + offsetSize
      const size = (WHOLE_NUMBERS.get(type) ?? 1) * values
      // What does not fit into the field lies elsewhere.
      const from = size > offsetSize ? readNumber(tiff, place, offsetSize) : place
      fields.set(readNumber(tiff, next, 2), { type, count: values, at: from })
    }
    yield new TiffDirectory(tiff, fields)
    at = next + offsetSize <= file.length ? readNumber(tiff, next, offsetSize) : 0
  }
}

/** The first directory of a TIFF structure. */
export function firstDirectory(file: Buffer): TiffDirectory | undefined {
  for (const directory of tiffDirectories(file)) return directory
  return undefined
}

/**
 * A whole number from the first directory of a TIFF structure; `undefined` where the tag is missing
 * or of another type.
 */
export function tiffNumber(tiff: Buffer, tag: number): number | undefined {
  return firstDirectory(tiff)?.number(tag)
}

/** How many pictures a TIFF file holds. */
export function tiffPages(tiff: Buffer): number {
  return [...tiffDirectories(tiff)].length
}

/** Whole numbers of 8 bytes beyond 2 ** 53 are no places in a file, and come out inexactly. */
function readNumber({ bytes, isLittle }: TiffBytes, at: number, size: number): number {
  switch (size) {
    case 1:
      return bytes[at]!
    case 2:
      return isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
    case 4:
      return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
    default:
      return Number(isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  }
}

/** Tags of a picture's size. */
export const TIFF_WIDTH = 256
export const TIFF_HEIGHT = 257
