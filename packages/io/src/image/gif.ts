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

/**
 * The pictures of a GIF file as FFmpeg's decoder takes them, each with the extensions before it; the file's header goes with the first. Where the
 * file is cut off, its last picture is an error rather than filled up.
 */
export function gifPackets(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = []
  let start = 0
  let at = 13 + colourTableSize(bytes[10])
  while (at < bytes.length) {
    const kind = bytes[at]
    if (kind === 0x21) at = skipBlocks(bytes, at + 2)
    else if (kind === 0x2c) {
      at = skipBlocks(bytes, at + 11 + colourTableSize(bytes[at + 9]))
      if (at > bytes.length) break
      packets.push(bytes.subarray(start, at))
      start = at
    } else if (kind === 0x3b) return packets
    else if (kind === 0)
      at += 1 // stray terminators are common, and harmless
    else break
  }
  throw new Error('the GIF file is truncated or damaged')
}

/** How many pictures a GIF file has that are all there, and whether any has transparent pixels. */
export function gifFacts(bytes: Buffer): { readonly frames: number; readonly hasAlpha: boolean } {
  let frames = 0
  let hasAlpha = false
  for (let at = 13 + colourTableSize(bytes[10]); at < bytes.length; ) {
    const kind = bytes[at]
    if (kind === 0x21) {
      // A graphic control extension says of the next picture whether one of its colours is transparent.
      if (bytes[at + 1] === 0xf9 && (bytes[at + 3]! & 1) === 1) hasAlpha = true
      at = skipBlocks(bytes, at + 2)
    } else if (kind === 0x2c) {
      at = skipBlocks(bytes, at + 11 + colourTableSize(bytes[at + 9]))
      if (at <= bytes.length) frames += 1
    } else if (kind === 0) at += 1
    else break
  }
  return { frames, hasAlpha }
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
