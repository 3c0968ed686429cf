/** Codes have at most 12 bits. */
const MOST_CODES = 4096

/**
 * A variant of LZW: GIF's, TIFF's, and that of TIFF files before version 6, which is GIF's with
 * samples of 8 bits.
 */
export interface LzwKind {
  /**
   * Bits of a sample. The two codes after those of the samples clear the table and end the data.
   */
  readonly smallest: number
  /**
   * Whether codes begin at the highest bit of a byte and grow one code early, as in TIFF 6.0
   * (section 13).
   */
  readonly isTiff: boolean
}

/**
 * Decodes LZW (Welch 1984; GIF89a specification, appendix F; TIFF 6.0, section 13) into `out`.
 *
 * @returns the number of samples, at most as many as fit; fewer if the data end or are damaged
 */
export function unpackLzw(
  data: Uint8Array,
  { smallest, isTiff }: LzwKind,
  out: Uint8Array,
): number {
  const clear = 1 << smallest
  const end = clear + 1
  const early = isTiff ? 1 : 0
  // The value of a code was written before, one sample longer than that of the code before it.
  const starts = new Int32Array(MOST_CODES)
  const lengths = new Int32Array(MOST_CODES)
  let [size, next] = [smallest + 1, end + 1]
  // of the last code's value; a length of 0 means that the table is new
  let [start, length] = [0, 0]
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
      length = 0
      continue
    }
    if (code === end) break
    if (length > 0 && next < MOST_CODES) {
      starts[next] = start
      lengths[next] = length + 1
      next += 1
      // A full table does not change until it is cleared.
      if (next + early === 1 << size && size < 12) size += 1
    }
    if (code >= next) break // damaged
    start = done
    if (code < clear) {
      out[done++] = code
      length = 1
      continue
    }
    // It may end with its own beginning, so it is copied from there.
    const from = starts[code]!
    length = lengths[code]!
    const copied = Math.min(length, out.length - done)
    for (let i = 0; i < copied; i++) out[done + i] = out[from + i]!
    done += copied
  }
  return done
}
