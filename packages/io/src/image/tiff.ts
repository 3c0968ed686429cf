const SHORT = 3

/**
 * A whole number from the first directory of a TIFF structure, which is what EXIF is too (TIFF 6.0, section 2; CIPA DC-008, 4.6);
 * `undefined` where the tag is missing, of another type, or the bytes are no TIFF.
 */
export function tiffShort(tiff: Buffer, tag: number): number | undefined {
  const magic = tiff.toString('latin1', 0, 4)
  const isLittle = magic === 'II*\0'
  if ((!isLittle && magic !== 'MM\0*') || tiff.length < 8) return undefined
  const u16 = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (directory + 2 > tiff.length) return undefined
  const count = u16(directory)
  for (let i = 0, at = directory + 2; i < count && at + 12 <= tiff.length; i++, at += 12) {
    if (u16(at) === tag) return u16(at + 2) === SHORT ? u16(at + 8) : undefined
  }
  return undefined
}

const COMPRESSION_TAG = 0x0103

/** Whether a TIFF file holds JPEG data: FFmpeg then gets the colours wrong. */
export function isJpegInTiff(tiff: Buffer): boolean {
  const compression = tiffShort(tiff, COMPRESSION_TAG)
  return compression === 6 || compression === 7
}
