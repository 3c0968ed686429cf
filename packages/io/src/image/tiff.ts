const SHORT = 3
const LONG = 4

/** One directory of a TIFF structure: its numbers by tag, the first of each, and where the next directory is. */
interface TiffDirectory {
  readonly numbers: ReadonlyMap<number, number>
  readonly next: number
}

/**
 * The directories of a TIFF structure, which is what EXIF is too (TIFF 6.0, section 2; CIPA DC-008, 4.6). Ends where they do, or where the
 * bytes make no sense.
 */
function* tiffDirectories(tiff: Buffer): Generator<TiffDirectory> {
  const magic = tiff.toString('latin1', 0, 4)
  const isLittle = magic === 'II*\0'
  if ((!isLittle && magic !== 'MM\0*') || tiff.length < 8) return
  const u16 = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number): number => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const met = new Set<number>()
  for (let directory = u32(4); directory !== 0 && !met.has(directory); ) {
    met.add(directory)
    if (directory + 2 > tiff.length) return
    const count = u16(directory)
    const numbers = new Map<number, number>()
    let at = directory + 2
    for (let i = 0; i < count && at + 12 <= tiff.length; i++, at += 12) {
      const [tag, type, length] = [u16(at), u16(at + 2), u32(at + 4)]
      if (type !== SHORT && type !== LONG) continue
      // More than four bytes lie elsewhere.
      const from = length * (type === SHORT ? 2 : 4) > 4 ? u32(at + 8) : at + 8
      if (from + 4 <= tiff.length || (type === SHORT && from + 2 <= tiff.length))
        numbers.set(tag, type === SHORT ? u16(from) : u32(from))
    }
    const next = at + 4 <= tiff.length ? u32(at) : 0
    yield { numbers, next }
    directory = next
  }
}

/** A whole number from the first directory of a TIFF structure; `undefined` where the tag is missing or of another type. */
export function tiffNumber(tiff: Buffer, tag: number): number | undefined {
  for (const { numbers } of tiffDirectories(tiff)) return numbers.get(tag)
  return undefined
}

/** How many pictures a TIFF file holds. */
export function tiffPages(tiff: Buffer): number {
  return [...tiffDirectories(tiff)].length
}

const COMPRESSION_TAG = 0x0103

/** Whether a TIFF file holds JPEG data: FFmpeg then gets the colours wrong. */
export function isJpegInTiff(tiff: Buffer): boolean {
  const compression = tiffNumber(tiff, COMPRESSION_TAG)
  return compression === 6 || compression === 7
}
