import type { Data } from './array.ts'
import type { Filler } from './fill-range.ts'

/** What is the same for all arrays that go into one batch. */
export interface Block {
  readonly to: Data
  /** Shape of one array's place in the batch. */
  readonly shape: readonly number[]
  /** `undefined` where the memory holds the value already. */
  readonly filler: Filler | undefined
  readonly isLeft: boolean
}

/** Number of elements. */
export function elementsIn(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/**
 * Copies one array to its place, which begins at `at`, and pads it there. Axes that are as long as
 * their place are taken together with those within them, so that what differs on its first axis
 * only is one copy, and one fill behind or before it.
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
