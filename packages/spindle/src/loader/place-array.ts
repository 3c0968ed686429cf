import type { Data } from './array.ts'
import type { Filler } from './fill-range.ts'

/** What all arrays of one batch have in common. */
export interface Block {
  readonly to: Data
  /** Shape of the place that each array has in the batch. */
  readonly shape: readonly number[]
  /** `undefined` if the memory already holds the padding value. */
  readonly filler: Filler | undefined
  readonly isLeft: boolean
}

export function elementsIn(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/**
 * Copies one array to its place, which begins at element `at`, and pads it there. Inner axes that
 * already have the full length are copied together. An array that differs only on its first axis
 * takes one copy and one fill.
 */
export function placeArray(block: Block, from: Data, shape: readonly number[], at: number): void {
  let last = shape.length - 1
  while (last >= 0 && shape[last] === block.shape[last]) last--
  if (last < 0) (block.to as Uint8Array).set(from as Uint8Array, at)
  else placeAxis(block, from, shape, { axis: 0, last, fromAt: 0, toAt: at })
}

interface Position {
  readonly axis: number
  /** The innermost axis that is shorter than its place. */
  readonly last: number
  readonly fromAt: number
  readonly toAt: number
}

function placeAxis(block: Block, from: Data, shape: readonly number[], position: Position): void {
  const { axis, last, fromAt, toAt } = position
  const length = shape[axis] as number
  const place = block.shape[axis] as number
  const toStride = elementsIn(block.shape.slice(axis + 1))
  const padding = (place - length) * toStride
  const dataAt = block.isLeft ? toAt + padding : toAt
  if (axis === last) {
    const part = (from as Uint8Array).subarray(fromAt, fromAt + length * toStride)
    ;(block.to as Uint8Array).set(part, dataAt)
  } else {
    const fromStride = elementsIn(shape.slice(axis + 1))
    for (let i = 0; i < length; i++) {
      const inner = {
        axis: axis + 1,
        last,
        fromAt: fromAt + i * fromStride,
        toAt: dataAt + i * toStride,
      }
      placeAxis(block, from, shape, inner)
    }
  }
  if (padding === 0) return
  const paddingAt = block.isLeft ? toAt : dataAt + length * toStride
  block.filler?.fill(block.to, paddingAt, paddingAt + padding)
}
