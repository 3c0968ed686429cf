import type { DataOf } from '../../base/array.ts'
import { bytesPer, type ImageDType, imageArray, product } from '../pixel-format.ts'
import type { BatchWork } from './batch.ts'

/** Shared memory that the parts of a batch fill together. */
export interface BatchMemory {
  readonly shared: { readonly memory: SharedArrayBuffer; readonly at: number }
  /** The whole memory. */
  readonly view: DataOf[ImageDType]
  /** Whether the batch is then copied to memory that is not shared. */
  readonly isScratch: boolean
}

/** Maximum size of the scratch memory that is kept, in bytes; one piece is kept at any size. */
const SCRATCH_BYTES = 2 ** 25
const scratch: SharedArrayBuffer[] = []

/**
 * The memory that the parts of a batch write to; none for a single part, which transfers its own
 * memory.
 */
export function memoryFor(
  { shape, into, isShared }: BatchWork,
  parts: number,
): BatchMemory | undefined {
  const { dtype } = shape.target
  const bytes = bytesPer(dtype)
  if (into !== undefined && into.buffer instanceof SharedArrayBuffer) {
    const view = imageArray(dtype, Math.floor(into.buffer.byteLength / bytes), into.buffer)
    return { shared: { memory: into.buffer, at: into.byteOffset / bytes }, view, isScratch: false }
  }
  const length = product(shape.shape)
  if (into === undefined && !isShared && parts === 1) return undefined
  const isScratch = into !== undefined || !isShared
  const memory =
    (isScratch ? takeScratch(length * bytes) : undefined) ?? new SharedArrayBuffer(length * bytes)
  return {
    shared: { memory, at: 0 },
    view: imageArray(dtype, memory.byteLength / bytes, memory),
    isScratch,
  }
}

/** Takes used memory, which costs no page faults, if its size is about right. */
function takeScratch(bytes: number): SharedArrayBuffer | undefined {
  const found = scratch.findIndex((memory) => memory.byteLength === bytes)
  return found < 0 ? undefined : scratch.splice(found, 1)[0]
}

/** Keeps scratch memory for the next batch. All writes to it have ended. */
export function keepScratch({ shared, isScratch }: BatchMemory): void {
  if (!isScratch) return
  scratch.push(shared.memory)
  while (scratch.length > 1 && bytesIn(scratch) > SCRATCH_BYTES) scratch.shift()
}

function bytesIn(memories: readonly SharedArrayBuffer[]): number {
  return memories.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
