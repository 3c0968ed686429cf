import type { GifPicture } from './gif.ts'
import { unpackLzw } from './lzw.ts'

/**
 * First row and row distance of the passes of an interlaced picture (GIF89a specification, appendix
 * E).
 */
const PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const

/**
 * The samples of a GIF picture, one byte each, row by row: indices of colours (GIF89a
 * specification, appendix F).
 *
 * FFmpeg's decoder gives colours instead of indices, so the colours under transparent pixels are
 * lost.
 *
 * @throws Error if the data are damaged or end before the picture does
 */
export function gifSamples(file: Buffer, picture: GifPicture): Uint8Array {
  const { width, height, isInterlaced } = picture
  const samples = new Uint8Array(width * height)
  const smallest = file[picture.dataStart]!
  if (smallest > 11) throw new Error('the GIF picture is damaged: its codes are too long')
  const data = joinBlocks(file, picture.dataStart + 1)
  const count = unpackLzw(data, { smallest, isTiff: false }, samples)
  if (count < samples.length)
    throw new Error(
      `the GIF picture is damaged: ${count} of its ${samples.length} pixels were decoded`,
    )
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

function deinterlace(stored: Uint8Array, width: number, height: number): Uint8Array {
  const shown = new Uint8Array(stored.length)
  let from = 0
  for (const [first, step] of PASSES) {
    for (let y = first; y < height; y += step, from += width)
      shown.set(stored.subarray(from, from + width), y * width)
  }
  return shown
}
