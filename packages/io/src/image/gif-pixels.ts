import type { GifPicture } from './gif.ts'

/** Codes have 12 bits at most. */
const MOST_CODES = 4096

/** First row and distance of rows of the passes in which an interlaced picture is stored (GIF89a specification, appendix E). */
const PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const

/**
 * The samples of a GIF picture, one byte each, row by row: numbers of colours (GIF89a specification, appendix F).
 *
 * FFmpeg's decoder gives colours and no numbers, so that what lies under transparent pixels is lost.
 *
 * @throws Error where the data is damaged or ends before the picture does
 */
export function gifSamples(file: Buffer, picture: GifPicture): Uint8Array {
  const { width, height, isInterlaced } = picture
  const samples = new Uint8Array(width * height)
  const count = unpack(joinBlocks(file, picture.dataStart + 1), file[picture.dataStart]!, samples)
  if (count < samples.length)
    throw new Error(`the GIF picture is damaged: ${count} of its ${samples.length} pixels were decoded`)
  return isInterlaced ? deinterlace(samples, width, height) : samples
}

/** Content of data blocks, without their lengths. */
function joinBlocks(file: Buffer, start: number): Uint8Array {
  let end = start
  let length = 0
  for (let size = file[end]!; size !== 0; size = file[end]!) {
    length += size
    end += 1 + size
  }
  const joined = new Uint8Array(length)
  for (let at = start, to = 0; at < end; at += 1 + file[at]!) {
    joined.set(file.subarray(at + 1, at + 1 + file[at]!), to)
    to += file[at]!
  }
  return joined
}

/** Decodes LZW into `out`; says how many samples there were, at most as many as fit. */
function unpack(data: Uint8Array, smallest: number, out: Uint8Array): number {
  if (smallest > 11) throw new Error('the GIF picture is damaged: its codes are too long')
  const clear = 1 << smallest
  const end = clear + 1
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
      held |= data[at++]! << bits
      bits += 8
    }
    if (bits < size) break
    const code = held & ((1 << size) - 1)
    held >>>= size
    bits -= size
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
      if (next === 1 << size && size < 12) size += 1
    }
    previous = code
  }
  return Math.min(done, out.length)
}

function deinterlace(stored: Uint8Array, width: number, height: number): Uint8Array {
  const shown = new Uint8Array(stored.length)
  let from = 0
  for (const [first, step] of PASSES) {
    for (let y = first; y < height; y += step, from += width)
      shown.set(stored.subarray(from, from + width), y * width)
  }
  return shown
}
