import { warnOfLostMethods } from './lost-methods.ts'
import { isMovable } from './movable.ts'
import { classOf, isMemory, type Memory, viewOf, walk, withReplaced } from './walk-value.ts'

// Structured cloning sends the whole buffer behind a view, even for a small view. So the buffers of
// a value are found before it is sent: movable ones are transferred, parts of larger ones are
// copied out, and large copies are transferred.

/** Whether a buffer may be transferred. It is then empty on this side. */
export type MayMove = (buffer: ArrayBuffer) => boolean

/** All buffers except resizable ones, which other processes receive only within a message. */
export const moveAll: MayMove = (buffer) => !isResizable(buffer)
/**
 * None: all buffers are copied at once, because the sender may write to them before the message
 * leaves.
 */
export const copyAll: MayMove = () => false
/**
 * None. Small buffers are copied only when the message is sent, so the sender must leave the value
 * unchanged until then.
 */
export const copyLater: MayMove = () => false
/** Those that `move()` has marked. Others as by {@link copyLater}. */
export const moveMarked: MayMove = (buffer) => isMovable(buffer)

/**
 * Prepares a value for sending. Buffers that need no copy are added to `transfers`: those that the
 * value covers completely and that `mayMove` permits, and copies made here. Shared memory is passed
 * as it is. If it throws, `transfers` is unchanged.
 *
 * @throws {CannotCross} and errors of getters in the value.
 */
export function pack(
  value: unknown,
  transfers: Set<ArrayBuffer>,
  mayMove: MayMove,
  stats: TransferStats = { transferredBytes: 0, copiedBytes: 0 },
): unknown {
  if (typeof value !== 'object' || value === null) return value
  warnOfLostMethods(value)
  if (isFlat(value)) return value
  const { wholes, parts } = memoryIn(value)
  if (wholes.size === 0 && parts.length === 0) return value
  const packing = new Packing(transfers, mayMove)
  for (const buffer of wholes) packing.whole(buffer)
  for (const part of parts) packing.part(part)
  return packing.finish(value, stats)
}

/**
 * From this size on, in bytes, it is cheaper to transfer a copy than to send it in the message,
 * which copies twice.
 */
const LARGE_BYTES = 1 << 14

/** The buffers that a value covers completely. */
export function wholeBuffersOf(value: unknown): ReadonlySet<ArrayBuffer> {
  return typeof value === 'object' && value !== null ? memoryIn(value).wholes : new Set()
}

/** The views in a value. */
export function viewsOf(value: unknown): readonly ArrayBufferView[] {
  return typeof value === 'object' && value !== null ? memoryIn(value).parts : []
}

/** Bytes that were transferred, and bytes that were copied. */
export interface TransferStats {
  transferredBytes: number
  copiedBytes: number
}

interface Found {
  readonly wholes: ReadonlySet<ArrayBuffer>
  /** All views: of parts of buffers, and of whole buffers. */
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

/**
 * Whether an object contains no objects. This is the case for most small items, which then need no
 * further work.
 */
function isFlat(value: object): boolean {
  if (isMemory(value) || value instanceof Map || value instanceof Set) return false
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'object' && member !== null) return false
  }
  return !(value instanceof Error)
}

/** Decides for each buffer and view of one value how it is sent. */
class Packing {
  readonly #transfers: Set<ArrayBuffer>
  readonly #mayMove: MayMove
  /**
   * Buffers that are transferred, and buffers that are left in place and copied when the message is
   * sent.
   */
  readonly #moved: ArrayBuffer[] = []
  readonly #kept: Set<ArrayBuffer> = new Set()
  /** What replaces parts of the value: copies, and views of them. */
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
    // A buffer that an earlier value of the same message transfers must not arrive twice.
    const isTaken = this.#transfers.has(buffer)
    if (!isTaken && byteLength > 0 && this.#mayMove(buffer)) {
      this.#moved.push(buffer)
      this.#kept.add(buffer)
    } else if (
      !isTaken &&
      (byteLength === 0 || isResizable(buffer) || this.#isCopiedLater(byteLength))
    ) {
      // Empty buffers are left in place too: a buffer that was transferred before is empty. Cloning
      // refuses it, but a copy would hide the mistake.
      this.#kept.add(buffer)
      this.#copiedBytes += byteLength
    } else {
      const copy = this.#copyOf(buffer, 0, byteLength)
      this.#copies.set(buffer, copy)
      this.#replacements.set(buffer, copy)
    }
  }

  #isCopiedLater(byteLength: number): boolean {
    const mayWait = this.#mayMove === copyLater || this.#mayMove === moveMarked
    return mayWait && byteLength < LARGE_BYTES
  }

  part(view: ArrayBufferView): void {
    const { byteOffset, byteLength } = view
    const buffer = view.buffer as ArrayBuffer
    if (this.#kept.has(buffer)) return
    const copy = this.#copies.get(buffer)
    // Views of a buffer that is sent as a whole share its memory on the other side too.
    const replacement =
      copy === undefined
        ? viewOf(classOf(view), this.#copyOf(buffer, byteOffset, byteLength))
        : viewOf(classOf(view), copy, byteOffset, byteLength)
    this.#replacements.set(view, replacement)
  }

  #copyOf(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer {
    const bytes = uncleared(length)
    new Uint8Array(bytes).set(new Uint8Array(buffer, offset, length))
    this.#copiedBytes += length
    if (length >= LARGE_BYTES) this.#large.push(bytes)
    return bytes
  }

  finish(value: object, stats: TransferStats): unknown {
    const packed = this.#replacements.size === 0 ? value : withReplaced(value, this.#replacements)
    for (const buffer of this.#moved) {
      this.#transfers.add(buffer)
      stats.transferredBytes += buffer.byteLength
    }
    for (const buffer of this.#large) this.#transfers.add(buffer)
    stats.copiedBytes += this.#copiedBytes
    return packed
  }
}

/** New memory that is not cleared, which would cost as much as writing it. */
export function uncleared(byteLength: number): ArrayBuffer {
  return byteLength === 0
    ? new ArrayBuffer(0)
    : (Buffer.allocUnsafeSlow(byteLength).buffer as ArrayBuffer)
}

function isResizable(buffer: ArrayBuffer): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true
}
