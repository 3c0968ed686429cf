// Ops that compute. They run in worker threads, so they are exported functions of a module of their
// own: workers import this file.
import type { NdArray } from '@spindle/io'

/** Darkens the corners of a picture of `[height, width, 3]`. Put your own processing here. */
export function vignette(image: NdArray<'uint8'>): NdArray<'uint8'> {
  const [height = 0, width = 0] = image.shape
  const data = new Uint8Array(image.data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const distance = Math.hypot(x / width - 0.5, y / height - 0.5)
      const light = 1 - distance * distance
      const at = (y * width + x) * 3
      for (let channel = 0; channel < 3; channel++)
        data[at + channel] = Math.round((image.data[at + channel] ?? 0) * light)
    }
  return { data, dtype: 'uint8', shape: image.shape }
}
