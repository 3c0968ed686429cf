import { type Coefficients, coefficients, type PilFilter, PRECISION_BITS } from './pil-filters.ts'

/** A picture of three interleaved channels, 8 bits each. */
export interface Rgb {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** The part of a scaled picture that is needed, in its pixels. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const HALF = 1 << (PRECISION_BITS - 1)

/**
 * Scales a picture as Pillow's `Image.resize()` does, bit by bit, and returns a part of the result:
 * columns first, rounded to 8 bits, then rows. Only what the part needs is calculated.
 */
export function pilResize(
  picture: Rgb,
  width: number,
  height: number,
  filter: PilFilter,
  part: Box = { left: 0, top: 0, width, height },
): Rgb {
  const columns = coefficients(picture.width, width, filter)
  const rows = coefficients(picture.height, height, filter)
  // Rows of the input that the part needs.
  const last = part.top + part.height - 1
  const first = picture.height === height ? part.top : (rows.from[part.top] as number)
  const end =
    picture.height === height
      ? last + 1
      : (rows.from[last] as number) + (rows.count[last] as number)
  const lines = { first, count: end - first }
  const wide =
    picture.width === width
      ? cutColumns(picture, part, lines)
      : scaleColumns(picture, columns, part, lines)
  const data = picture.height === height ? wide : scaleRows(wide, rows, part, first)
  return { data, width: part.width, height: part.height }
}

interface Lines {
  readonly first: number
  readonly count: number
}

function cutColumns(picture: Rgb, { left, width }: Box, { first, count }: Lines): Uint8Array {
  const out = new Uint8Array(width * count * 3)
  for (let y = 0; y < count; y++) {
    const at = ((first + y) * picture.width + left) * 3
    out.set(picture.data.subarray(at, at + width * 3), y * width * 3)
  }
  return out
}

function scaleColumns(
  picture: Rgb,
  { from, count, weights, stride }: Coefficients,
  { left, width }: Box,
  lines: Lines,
): Uint8Array {
  const { data } = picture
  const out = new Uint8Array(width * lines.count * 3)
  let to = 0
  for (let y = 0; y < lines.count; y++) {
    const line = (lines.first + y) * picture.width
    for (let x = left; x < left + width; x++) {
      let [r, g, b] = [HALF, HALF, HALF]
      let at = (line + (from[x] as number)) * 3
      const end = x * stride + (count[x] as number)
      for (let k = x * stride; k < end; k++, at += 3) {
        const weight = weights[k] as number
        r += (data[at] as number) * weight
        g += (data[at + 1] as number) * weight
        b += (data[at + 2] as number) * weight
      }
      out[to] = clip(r)
      out[to + 1] = clip(g)
      out[to + 2] = clip(b)
      to += 3
    }
  }
  return out
}

function scaleRows(
  data: Uint8Array,
  { from, count, weights, stride }: Coefficients,
  { top, width, height }: Box,
  first: number,
): Uint8Array {
  const row = width * 3
  const out = new Uint8Array(row * height)
  const sums = new Int32Array(row)
  for (let y = 0; y < height; y++) {
    sums.fill(HALF)
    const begin = (from[top + y] as number) - first
    for (let k = 0; k < (count[top + y] as number); k++) {
      const weight = weights[(top + y) * stride + k] as number
      const at = (begin + k) * row
      for (let x = 0; x < row; x++)
        sums[x] = (sums[x] as number) + (data[at + x] as number) * weight
    }
    for (let x = 0; x < row; x++) out[y * row + x] = clip(sums[x] as number)
  }
  return out
}

function clip(sum: number): number {
  const value = sum >> PRECISION_BITS
  return Math.max(0, Math.min(255, value))
}
