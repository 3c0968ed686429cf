import { isMovable } from '../transport/movable.ts'
import { wholeBuffersOf } from '../transport/pack.ts'
import { type Memory, walk } from '../transport/walk-value.ts'
import { BufferPool } from './buffer-pool.ts'
import { transferBuffer } from './transfer-buffer.ts'

/** Maximum size of the spare memory of a thread, in bytes. */
const MOST_BYTES = 2 ** 25

const spare = new BufferPool(MOST_BYTES)

/**
 * Memory of an earlier result of this thread that nobody uses any more, for another result of the
 * same size. Its content is undefined. `undefined` if there is none.
 */
export function takeSpare(byteLength: number): ArrayBuffer | undefined {
  spare.expect(byteLength)
  return spare.take(byteLength)
}

/**
 * Keeps the memory of values that were used up to make `result`. Only buffers that the thread's own
 * code has given up (`move()`, `context.alloc()`) and that `result` does not refer to. They are
 * empty afterwards, as after a transfer, so code that kept one all the same never sees other data.
 */
export function keepSpare(values: readonly unknown[], result: unknown): void {
  try {
    const buffers = new Set(values.flatMap((value) => [...wholeBuffersOf(value)].filter(isMovable)))
    if (buffers.size === 0) return
    for (const buffer of buffersIn(result)) buffers.delete(buffer as ArrayBuffer)
    for (const buffer of buffers) if (buffer.byteLength > 0) spare.put(transferBuffer(buffer))
  } catch {
    // A value that cannot be read keeps its memory.
  }
}

function buffersIn(value: unknown): Set<ArrayBufferLike> {
  const buffers = new Set<ArrayBufferLike>()
  const visit = (memory: Memory): void => {
    buffers.add(ArrayBuffer.isView(memory) ? memory.buffer : memory)
  }
  if (typeof value === 'object' && value !== null) walk(value, visit)
  return buffers
}
