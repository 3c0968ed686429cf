import { wholeBuffersOf } from './pack.ts'

const marked: WeakSet<ArrayBuffer> = new WeakSet()

/**
 * Says that nobody here uses a value's buffers any more. What leaves a worker thread is copied, so
 * that a table, a cache or a buffer that the module keeps stays its own; the buffers of a value
 * that went through this are moved instead, without a copy, and are empty in the worker from then
 * on. So is memory of `context.alloc()`. Moved are buffers that the value covers as a whole.
 *
 * @returns the value itself.
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
  for (const buffer of wholeBuffersOf(value)) marked.add(buffer)
  return value
}

/** Marks one buffer. */
export function markMovable(buffer: ArrayBuffer): void {
  marked.add(buffer)
}

/** Whether a buffer may leave this thread without a copy. */
export function isMovable(buffer: ArrayBuffer): boolean {
  return marked.has(buffer)
}
