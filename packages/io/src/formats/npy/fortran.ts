import { sizeOf, viewAs } from '../../base/dtypes.ts'
import { type Routine, TURN, TURN_BYTES } from '../../files/routine.ts'

/**
 * Side of the squares that are transposed at a time, in elements: both sides of the copy stay in
 * the nearest cache.
 */
const BLOCK = 32

/**
 * Converts column-major bytes to row-major: a transposition of all axes. It works in planes of the
 * first axis (neighbours in the input) and the last (neighbours in the output), and in each plane
 * in squares.
 *
 * @param shape with at least two axes longer than 1, and no empty one
 * @returns new memory
 */
export function* toRowMajor(
  bytes: Uint8Array,
  shape: readonly number[],
  elementBytes: number,
): Routine<Uint8Array, never> {
  const out = new Uint8Array(bytes.byteLength)
  const word = wordOf(elementBytes)
  const dtype = ({ 1: 'uint8', 2: 'uint16', 4: 'uint32' } as const)[word]
  const words = elementBytes / word
  const from = viewAs(dtype, bytes)
  const to = viewAs(dtype, out)
  const sides = shape.filter((side) => side !== 1)
  const rows = sides[0]!
  const columns = sides.at(-1)!
  const middle = sides.slice(1, -1)
  const columnStep = sizeOf(sides) / columns
  const rowStep = sizeOf(sides) / rows
  const position = middle.map(() => 0)
  let sinceTurn = 0
  for (let plane = sizeOf(middle); plane > 0; plane--) {
    let fromBase = 0
    let toBase = 0
    for (let axis = 0, step = rows; axis < middle.length; axis++) {
      fromBase += position[axis]! * step
      step *= middle[axis]!
      toBase = (toBase + position[axis]!) * (middle[axis + 1] ?? columns)
    }
    for (let top = 0; top < rows; top += BLOCK) {
      const bottom = Math.min(rows, top + BLOCK)
      for (let left = 0; left < columns; left += BLOCK) {
        const right = Math.min(columns, left + BLOCK)
        if (words === 1)
          turnWords(from, to, fromBase, toBase, top, bottom, left, right, columnStep, rowStep)
        else
          turnRuns(from, to, words, fromBase, toBase, top, bottom, left, right, columnStep, rowStep)
      }
      sinceTurn += (bottom - top) * columns * elementBytes
      if (sinceTurn >= TURN_BYTES) {
        sinceTurn = 0
        yield TURN
      }
    }
    for (let axis = middle.length - 1; axis >= 0 && ++position[axis]! === middle[axis]; axis--)
      position[axis] = 0
  }
  return out
}

/**
 * Elements are copied as integers, in words: floating-point registers may change the bits of a NaN.
 */
function wordOf(elementBytes: number): 1 | 2 | 4 {
  return elementBytes >= 4 ? 4 : elementBytes === 2 ? 2 : 1
}

type Words = Uint8Array | Uint16Array | Uint32Array

function turnWords(
  from: Words,
  to: Words,
  fromBase: number,
  toBase: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  columnStep: number,
  rowStep: number,
): void {
  for (let row = top; row < bottom; row++) {
    const into = toBase + row * rowStep
    for (let column = left; column < right; column++) {
      to[into + column] = from[fromBase + column * columnStep + row]!
    }
  }
}

function turnRuns(
  from: Words,
  to: Words,
  words: number,
  fromBase: number,
  toBase: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  columnStep: number,
  rowStep: number,
): void {
  for (let row = top; row < bottom; row++) {
    const into = toBase + row * rowStep
    for (let column = left; column < right; column++) {
      const source = (fromBase + column * columnStep + row) * words
      const target = (into + column) * words
      for (let word = 0; word < words; word++) to[target + word] = from[source + word]!
    }
  }
}
