import { classOf, isMemory, type Memory, viewOf, walk, withReplaced } from './walk-value.ts'

// Structured cloning sends the whole buffer behind a view, however small the view. So before a
// value is sent, its buffers are looked for: those that may be moved are, parts of larger ones are
// copied out, and large copies are moved.

/** Whether a buffer may be given to the other side: then it is empty on this one. */
export type MayMove = (buffer: ArrayBuffer) => boolean

/** All, but for those that can grow, which other processes get only within a message. */
export const moveAll: MayMove = (buffer) => !isResizable(buffer)
/**
 * None: all are copied at once, for whoever sends may write to its own before the message leaves.
 */
export const copyAll: MayMove = () => false
/**
 * None, and small ones are copied only by the sending: the sender leaves the value as it is until
 * then.
 */
export const copyLater: MayMove = () => false

/**
 * The value as it should be sent, and into `transfers` what goes without a copy: buffers that the
 * value covers as a whole and that `mayMove` lets go, and copies made here. Shared memory is passed
 * as it is. Nothing is put into `transfers` if it throws.
 *
 * @throws {CannotCross} and whatever getters in the value throw.
 */
export function pack(
  value: unknown,
  transfers: Set<ArrayBuffer>,
  mayMove: MayMove,
  tally: TransferStats = { transferredBytes: 0, copiedBytes: 0 },
): unknown {
  if (typeof value !== 'object' || value === null || isFlat(value)) return value
  const { wholes, parts } = memoryIn(value)
  if (wholes.size === 0 && parts.length === 0) return value
  const packing = new Packing(transfers, mayMove)
  for (const buffer of wholes) packing.whole(buffer)
  for (const part of parts) packing.part(part)
  return packing.finish(value, tally)
}

/**
 * From this size on a copy that is moved is cheaper than one that goes with its message, which is
 * copied twice.
 */
const LARGE_BYTES = 1 << 14

/** The buffers that a value covers as a whole. */
export function wholeBuffersOf(value: unknown): ReadonlySet<ArrayBuffer> {
  return typeof value === 'object' && value !== null ? memoryIn(value).wholes : new Set()
}

/** Bytes that left with their buffers, and bytes that were copied. */
export interface TransferStats {
  transferredBytes: number
  copiedBytes: number
}

interface Found {
  readonly wholes: ReadonlySet<ArrayBuffer>
  /** Views of parts of buffers, and of all of one under which others lie. */
  readonly parts: readonly ArrayBufferView[]
}

function memoryIn(value: object): Found {
  const wholes = new Set<ArrayBuffer>()
  const parts: ArrayBufferView[] = []
  const visit = (memory: Memory): void => {
    if (memory instanceof ArrayBuffer) wholes.add(memory)
    else if (ArrayBuffer.isView(memory) && memory.buffer instanceof ArrayBuffer) {
      parts.push(memory)
      if (memory.byteLength === memory.buffer.byteLength) wholes.add(memory.buffer)
    }
  }
  if (isMemory(value)) visit(value)
  else walk(value, visit)
  return { wholes, parts }
}

/** Whether an object has no objects in it; most small items are so, and cost no more than this. */
function isFlat(value: object): boolean {
  if (isMemory(value) || value instanceof Map || value instanceof Set) return false
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'object' && member !== null) return false
  }
  return !(value instanceof Error)
}

/** What becomes of each buffer and view of one value. */
class Packing {
  readonly #transfers: Set<ArrayBuffer>
  readonly #mayMove: MayMove
  /**
   * Buffers that are moved themselves, and those that go as they are and are copied by the sending.
   */
  readonly #moved: ArrayBuffer[] = []
  readonly #kept: Set<ArrayBuffer> = new Set()
  /** What stands in the value's place: copies, and views of them. */
  readonly #replacements: Map<object, unknown> = new Map()
  readonly #copies: Map<ArrayBuffer, ArrayBuffer> = new Map()
  readonly #large: ArrayBuffer[] = []
  #copiedBytes = 0

  constructor(transfers: Set<ArrayBuffer>, mayMove: MayMove) {
    this.#transfers = transfers
    this.#mayMove = mayMove
  }

  whole(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    // One that an earlier value of the same message takes along must not arrive in two places.
    const isTaken = this.#transfers.has(buffer)
    if (!isTaken && byteLength > 0 && this.#mayMove(buffer)) {
      this.#moved.push(buffer)
      this.#kept.add(buffer)
    } else if (
      !isTaken &&
      (byteLength === 0 || isResizable(buffer) || this.#isCopiedLater(byteLength))
    ) {
      // Empty ones, too: a buffer that was moved before looks so, and cloning refuses it, where a
      // copy would hide that.
      this.#kept.add(buffer)
      this.#copiedBytes += byteLength
    } else {
      const copy = this.#copyOf(buffer, 0, byteLength)
      this.#copies.set(buffer, copy)
      this.#replacements.set(buffer, copy)
    }
  }

  #isCopiedLater(byteLength: number): boolean {
    return this.#mayMove === copyLater && byteLength < LARGE_BYTES
  }

  part(view: ArrayBufferView): void {
    const { byteOffset, byteLength } = view
    const buffer = view.buffer as ArrayBuffer
    if (this.#kept.has(buffer)) return
    const copy = this.#copies.get(buffer)
    // Views of one buffer that goes as a whole see each other's writes on the other side, too.
    const replacement =
      copy === undefined
        ? viewOf(classOf(view), this.#copyOf(buffer, byteOffset, byteLength))
        : viewOf(classOf(view), copy, byteOffset, byteLength)
    this.#replacements.set(view, replacement)
  }

  #copyOf(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer {
    const bytes = buffer.slice(offset, offset + length)
    this.#copiedBytes += length
    if (length >= LARGE_BYTES) this.#large.push(bytes)
    return bytes
  }

  finish(value: object, tally: TransferStats): unknown {
    const packed = this.#replacements.size === 0 ? value : withReplaced(value, this.#replacements)
    for (const buffer of this.#moved) {
      this.#transfers.add(buffer)
      tally.transferredBytes += buffer.byteLength
    }
    for (const buffer of this.#large) this.#transfers.add(buffer)
    tally.copiedBytes += this.#copiedBytes
    return packed
  }
}

function isResizable(buffer: ArrayBuffer): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true
}
