/**
 * Whether the first picture of a GIF file is all there: its data blocks end with an empty one (GIF89a specification,
 * sections 15 to 22). FFmpeg fills up what is missing without a word.
 */
export function hasWholeFirstPicture(bytes: Buffer): boolean {
  let at = 13 + colourTableSize(bytes[10])
  while (at < bytes.length) {
    const kind = bytes[at]
    if (kind === 0x21) at = skipBlocks(bytes, at + 2)
    else if (kind === 0x2c) return skipBlocks(bytes, at + 11 + colourTableSize(bytes[at + 9])) <= bytes.length
    else return false
  }
  return false
}

function colourTableSize(flags = 0): number {
  return (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1)
}

/** Position behind a sequence of data blocks; beyond the end where the last, empty block is missing. */
function skipBlocks(bytes: Buffer, at: number): number {
  let next = at
  while (next < bytes.length) {
    const size = bytes[next]!
    next += 1 + size
    if (size === 0) return next
  }
  return bytes.length + 1
}
