import { isMovable, markMovable } from './movable.ts'
import { viewsOf, wholeBuffersOf } from './pack.ts'

/**
 * Declares that no code in this thread uses the buffers of a value any more. Data that leaves a
 * worker thread is normally copied, so that a table, a cache or a buffer of the module stays
 * intact. The buffers of a value that went through `move()` are moved instead, without a copy, and
 * are then empty in the worker. Memory of `context.alloc()` is moved too. Only buffers that the
 * value covers completely are moved.
 *
 * It works for items on their way to a thread of a pool as well: `run(move(item))` does not copy
 * them. If that thread dies, the call cannot be repeated, because its item is gone.
 *
 * @returns the value itself.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { move } from 'spindle'
 *
 * // ops.ts, whose functions run in worker threads
 * export const blank = (size: number) => move(new Float32Array(size))
 *
 * assert.equal(blank(4).length, 4)
 * ```
 */
export function move<T>(value: T): T {
  if (listener !== undefined) for (const view of viewsOf(value)) listener(view)
  for (const buffer of wholeBuffersOf(value)) markMovable(buffer)
  return value
}

let listener: ((view: ArrayBufferView) => void) | undefined

/** Sets what is called with the views in the values that are moved. */
export function onMove(listens: ((view: ArrayBufferView) => void) | undefined): void {
  listener = listens
}

/** Whether a value had buffers that were moved away, so that it cannot be sent again. */
export function hasMoved(value: unknown): boolean {
  for (const buffer of wholeBuffersOf(value))
    if (buffer.byteLength === 0 && isMovable(buffer)) return true
  return false
}
