/** Codes have 12 bits at most. */
const MOST_CODES = 4096

/** A kind of LZW: GIF's, TIFF's, and that of TIFF files before version 6, which is GIF's with samples of 8 bits. */
export interface LzwKind {
  /** Bits of a sample. The two codes behind those of the samples clear the table and end the data. */
  readonly smallest: number
  /** Whether codes begin at the highest bit of a byte, and grow one code early, as in TIFF 6.0 (section 13). */
  readonly isTiff: boolean
}

/**
 * Decodes LZW (Welch 1984; GIF89a specification, appendix F; TIFF 6.0, section 13) into `out`.
 *
 * @returns how many samples there were, at most as many as fit: fewer where the data ends, or is damaged
 */
export function unpackLzw(data: Uint8Array, { smallest, isTiff }: LzwKind, out: Uint8Array): number {
  const clear = 1 << smallest
  const end = clear + 1
  const early = isTiff ? 1 : 0
  // A code stands for what its prefix stands for, and one more sample.
  const prefix = new Uint16Array(MOST_CODES)
  const suffix = new Uint8Array(MOST_CODES)
  const lengths = new Uint16Array(MOST_CODES)
  for (let code = 0; code < clear; code++) {
    suffix[code] = code
    lengths[code] = 1
  }
  let [size, next, previous] = [smallest + 1, end + 1, -1]
  let [bits, held, done] = [0, 0, 0]
  for (let at = 0; done < out.length; ) {
    while (bits < size && at < data.length) {
      held = isTiff ? ((held << 8) | data[at++]!) & 0xffffff : held | (data[at++]! << bits)
      bits += 8
    }
    if (bits < size) break
    bits -= size
    const code = (isTiff ? held >>> bits : held) & ((1 << size) - 1)
    if (!isTiff) held >>>= size
    if (code === clear) {
      size = smallest + 1
      next = end + 1
      previous = -1
      continue
    }
    if (code === end) break
    if (code > next || (code === next && previous < 0)) break // damaged
    const isNew = code === next
    const known = isNew ? previous : code
    const length = lengths[known]! + (isNew ? 1 : 0)
    // Written from its end to its beginning.
    let to = done + length - 1
    let step = known
    if (isNew) to -= 1
    for (; step >= clear; step = prefix[step]!, to--) if (to < out.length) out[to] = suffix[step]!
    const first = step
    if (to < out.length) out[to] = first
    if (isNew && done + length - 1 < out.length) out[done + length - 1] = first
    done += length
    if (previous >= 0 && next < MOST_CODES) {
      prefix[next] = previous
      suffix[next] = first
      lengths[next] = lengths[previous]! + 1
      next += 1
      // A full table stays as it is until it is cleared.
      if (next + early === 1 << size && size < 12) size += 1
    }
    previous = code
  }
  return Math.min(done, out.length)
}
