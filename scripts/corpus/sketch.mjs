// The compared values of a picture or a sound: its shape, and means of its parts, so that decoders
// with different rounding agree.

/** Parts of each side of a picture, and of a sound. */
const GRID = 8
const PARTS = 64

/** Means of the parts of a picture, `[height, width, 3]`. */
export function sketchImage({ data, shape }) {
  const [height, width, channels] = shape
  const means = []
  for (let row = 0; row < GRID; row++)
    for (let column = 0; column < GRID; column++) {
      const [top, bottom] = part(row, GRID, height)
      const [left, right] = part(column, GRID, width)
      const sums = new Array(channels).fill(0)
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++)
          for (let c = 0; c < channels; c++) sums[c] += data[(y * width + x) * channels + c]
      const pixels = Math.max(1, (bottom - top) * (right - left))
      means.push(...sums.map((sum) => sum / pixels))
    }
  return { shape: [...shape], means }
}

/**
 * Root mean squares and means of the parts of a sound, `[channels, samples]`, all channels
 * together.
 */
export function sketchSound({ data, shape, sampleRate }) {
  const [channels, samples] = shape
  const means = []
  for (let i = 0; i < PARTS; i++) {
    const [from, to] = part(i, PARTS, samples)
    let sum = 0
    let squares = 0
    for (let c = 0; c < channels; c++)
      for (let at = from; at < to; at++) {
        const value = data[c * samples + at]
        sum += value
        squares += value * value
      }
    const count = Math.max(1, (to - from) * channels)
    means.push(sum / count, Math.sqrt(squares / count))
  }
  return { shape: [...shape], sampleRate, means }
}

function part(number, count, size) {
  return [Math.floor((number * size) / count), Math.floor(((number + 1) * size) / count)]
}
