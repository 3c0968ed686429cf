import { MediaError } from '../errors.ts'
import { BoxReader, boxes, findBox } from './boxes.ts'

/**
 * The primary picture of an AVIF file: one AV1 frame (ISO/IEC 23008-12, 6 and 9; AV1 Image File Format 1.1, 2). FFmpeg's demuxer would
 * find it too, but `node-av` 6.1.1 loses the memory through which it reads.
 *
 * @throws MediaError `ERR_UNSUPPORTED` where the picture is put together from others, as a grid of tiles
 */
export function avifPicture(file: Buffer): Buffer {
  try {
    return findPicture(file)
  } catch (error) {
    throw error instanceof RangeError ? new Error('the AVIF file is damaged', { cause: error }) : error
  }
}

function findPicture(file: Buffer): Buffer {
  const meta = findBox(file, 'meta')?.subarray(4)
  const [pitm, iinf, iloc] = ['pitm', 'iinf', 'iloc'].map((type) => findBox(meta, type))
  if (meta === undefined || pitm === undefined || iinf === undefined || iloc === undefined) {
    throw new Error('the AVIF file has no primary picture')
  }
  const id = primaryItem(pitm)
  const type = itemType(iinf, id)
  if (type === undefined) throw new Error('the AVIF file does not say what its picture is')
  if (type !== 'av01') {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `the picture is stored as "${type}", not as one AV1 frame; the sharp backend may read it`,
    )
  }
  return itemData(iloc, id, file, findBox(meta, 'idat'))
}

function primaryItem(pitm: Buffer): number {
  const reader = new BoxReader(pitm)
  const version = reader.number(1)
  reader.skip(3)
  return reader.number(version === 0 ? 2 : 4)
}

/** Type of an item, from the item information box. */
function itemType(iinf: Buffer, id: number): string | undefined {
  const reader = new BoxReader(iinf)
  const version = reader.number(1)
  reader.skip(3)
  for (let left = reader.number(version === 0 ? 2 : 4); left > 0; left--) {
    const entry = new BoxReader(reader.box())
    const entryVersion = entry.number(1)
    entry.skip(3)
    if (entry.number(entryVersion === 2 ? 2 : 4) !== id) continue
    entry.skip(2)
    return entry.text(4)
  }
  return undefined
}

/** Bytes of an item, from the item location box: parts of the file, or of the item data box. */
function itemData(iloc: Buffer, id: number, file: Buffer, idat: Buffer | undefined): Buffer {
  const reader = new BoxReader(iloc)
  const version = reader.number(1)
  reader.skip(3)
  const [sizes, baseSizes] = [reader.number(1), reader.number(1)]
  const [offsetSize, lengthSize, baseSize] = [sizes >> 4, sizes & 15, baseSizes >> 4]
  const indexSize = version === 0 ? 0 : baseSizes & 15
  for (let left = reader.number(version < 2 ? 2 : 4); left > 0; left--) {
    const itemId = reader.number(version < 2 ? 2 : 4)
    const method = version === 0 ? 0 : reader.number(2) & 15
    reader.skip(2) // data reference
    const base = reader.number(baseSize)
    const parts: Buffer[] = []
    for (let extents = reader.number(2); extents > 0; extents--) {
      reader.skip(indexSize)
      const start = base + reader.number(offsetSize)
      const from = method === 1 ? (idat ?? Buffer.alloc(0)) : file
      const length = reader.number(lengthSize) || from.length - start
      if (itemId === id && start + length > from.length) throw new Error('the AVIF file is truncated')
      parts.push(from.subarray(start, start + length))
    }
    if (itemId === id) return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }
  throw new Error('the AVIF file does not say where its picture is')
}

/**
 * The orientation, numbered as in EXIF, that the properties of an AVIF file ask for: `irot`, quarter turns anticlockwise, then
 * `imir`, a mirror (ISO/IEC 23008-12, 6.5.10 and 6.5.12). EXIF does not count there. They are looked for among all items: those of
 * a picture's alpha plane and thumbnail are the same.
 */
export function avifOrientation(file: Buffer): number | undefined {
  const properties = findBox(findBox(findBox(file, 'meta')?.subarray(4), 'iprp'), 'ipco')
  const turns = (findBox(properties, 'irot')?.[0] ?? 0) & 3
  const mirror = findBox(properties, 'imir')?.[0]
  const table = mirror === undefined ? [1, 8, 3, 6] : (mirror & 1) === 1 ? [2, 7, 4, 5] : [4, 5, 2, 7]
  return table[turns]
}

/** What the properties of an AVIF file say of its primary picture (ISO/IEC 23008-12, 6.5). */
export interface AvifFacts {
  readonly width: number
  readonly height: number
  readonly bitDepth: number
  readonly channels: number
}

/** @throws Error where the file does not say the size of its picture */
export function avifFacts(file: Buffer): AvifFacts {
  const meta = findBox(file, 'meta')?.subarray(4)
  const [pitm, properties] = [findBox(meta, 'pitm'), findBox(meta, 'iprp')]
  const [ipco, ipma] = [findBox(properties, 'ipco'), findBox(properties, 'ipma')]
  if (pitm === undefined || ipco === undefined || ipma === undefined)
    throw new Error('the AVIF file has no primary picture')
  try {
    const wanted = new Set(propertiesOf(ipma, primaryItem(pitm)))
    let facts: AvifFacts = { width: 0, height: 0, bitDepth: 8, channels: 3 }
    let hasAlpha = false
    for (const [i, { type, body }] of boxes(ipco).entries()) {
      if (type === 'auxC' && body.includes('alpha')) hasAlpha = true
      if (!wanted.has(i + 1)) continue
      if (type === 'ispe') facts = { ...facts, width: body.readUInt32BE(4), height: body.readUInt32BE(8) }
      if (type === 'pixi') facts = { ...facts, channels: body[4]!, bitDepth: body[5]! }
    }
    if (facts.width > 0) return { ...facts, channels: facts.channels + (hasAlpha ? 1 : 0) }
  } catch (error) {
    throw error instanceof RangeError ? new Error('the AVIF file is damaged', { cause: error }) : error
  }
  throw new Error('the AVIF file does not say the size of its picture')
}

/** Numbers, from 1, of the properties of an item (ISO/IEC 23008-12, 9.3). */
function propertiesOf(ipma: Buffer, id: number): number[] {
  const reader = new BoxReader(ipma)
  const version = reader.number(1)
  const isWide = (reader.number(3) & 1) === 1
  for (let left = reader.number(4); left > 0; left--) {
    const item = reader.number(version === 0 ? 2 : 4)
    const numbers = Array.from({ length: reader.number(1) }, () =>
      isWide ? reader.number(2) & 0x7fff : reader.number(1) & 0x7f,
    )
    if (item === id) return numbers
  }
  return []
}
