/** One chunk of a PNG file, its length and checksum included. */
interface PngChunk {
  readonly type: string
  readonly bytes: Buffer
}

/** The chunks of a PNG file (PNG third edition, 5.3); it ends where one is cut off. */
export function* pngChunks(file: Buffer): Generator<PngChunk> {
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at)
    if (end > file.length) return
    yield { type: file.toString('latin1', at + 4, at + 8), bytes: file.subarray(at, end) }
    at = end
  }
}

/** Whether a PNG file is animated: it says so before its pixels. */
export function isApng(file: Buffer): boolean {
  for (const { type } of pngChunks(file)) {
    if (type === 'acTL') return true
    if (type === 'IDAT') return false
  }
  return false
}

/** The colour type of the header, at byte 25 of the file. */
const PALETTE_COLOURS = 3

/**
 * Whether a PNG file of palette colours has no palette before its pixels. FFmpeg's decoder would take that of the picture it decoded before.
 */
export function lacksPalette(file: Buffer): boolean {
  if (file[25] !== PALETTE_COLOURS) return false
  for (const { type } of pngChunks(file)) {
    if (type === 'PLTE') return false
    if (type === 'IDAT') break
  }
  return true
}

/**
 * The pictures of an animated PNG as FFmpeg's decoder takes them: what comes before the first, and for each its control chunk and data. A picture
 * for programs that know no animation, which has no control chunk, is left out.
 */
export function apngPackets(file: Buffer): { readonly extraData: Buffer; readonly packets: Buffer[] } {
  const head: Buffer[] = []
  const pictures: Buffer[][] = []
  let announced = 0
  let isWhole = false
  for (const { type, bytes } of pngChunks(file)) {
    if (type === 'IEND') isWhole = true
    else if (type === 'acTL') announced = bytes.readUInt32BE(8)
    else if (type === 'fcTL') pictures.push([bytes])
    else if (type === 'IDAT' || type === 'fdAT') pictures.at(-1)?.push(bytes)
    else if (pictures.length === 0) head.push(bytes)
  }
  if (!isWhole || pictures.length === 0 || pictures.length !== announced)
    throw new Error('the PNG animation is truncated')
  return { extraData: Buffer.concat(head), packets: pictures.map((chunks) => Buffer.concat(chunks)) }
}
