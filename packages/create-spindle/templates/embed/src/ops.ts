// Ops that compute. They run in worker threads, so they are exported functions of a module of their
// own: workers import this file.
import type { NdArray } from '@spindle/io'

/** The picture is described by a grid of this many cells in each direction. */
const CELLS = 8

/**
 * A vector of length 1 that describes a picture of `[height, width, 3]`: the mean colour of each
 * cell of a grid. Pictures that look alike have vectors with a dot product near 1.
 *
 * Put your model here: load it once in an `init` function (see "Where code runs" in the
 * documentation), and call it in this op.
 */
export function embed({ path, image }: { path: string; image: NdArray<'uint8'> }): {
  path: string
  vector: number[]
} {
  const [height = 0, width = 0] = image.shape
  const sums = new Float64Array(CELLS * CELLS * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = Math.floor((y * CELLS) / height)
      const cell = (row * CELLS + Math.floor((x * CELLS) / width)) * 3
      for (let channel = 0; channel < 3; channel++)
        sums[cell + channel]! += image.data[(y * width + x) * 3 + channel] ?? 0
    }
  const length = Math.hypot(...sums) || 1
  return { path, vector: [...sums].map((sum) => Number((sum / length).toFixed(5))) }
}
