import type { DataOf } from '../../base/array.ts'
import { bytesPer, type ImageDType, imageArray, product } from '../pixel-format.ts'
import type { BatchWork } from './batch.ts'

/** Shared memory that the parts of a batch fill together. */
export interface BatchMemory {
  readonly shared: { readonly memory: SharedArrayBuffer; readonly at: number }
  /** All of it. */
  readonly view: DataOf[ImageDType]
  /** Whether the batch goes from there to memory that is not shared. */
  readonly isScratch: boolean
}

const SCRATCH_KEPT = 4
const scratch: SharedArrayBuffer[] = []

/** Where the parts of a batch write: none for a single one, which gives its own memory away. */
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

/**
 * Memory that was written to before costs no page faults; only that of about the right size is
 * taken.
 */
function takeScratch(bytes: number): SharedArrayBuffer | undefined {
  const found = scratch.findIndex((memory) => memory.byteLength === bytes)
  return found < 0 ? undefined : scratch.splice(found, 1)[0]
}

/** Keeps scratch memory for the next batch; nobody may write to it any more. */
export function keepScratch({ shared, isScratch }: BatchMemory): void {
  if (!isScratch) return
  scratch.push(shared.memory)
  if (scratch.length > SCRATCH_KEPT) scratch.shift()
}
