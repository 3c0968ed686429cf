import { isMovable, markKept } from '../transport/movable.ts'
import { onMove } from '../transport/move.ts'

// Samples of one size that an op makes for one batch can lie one after another in one buffer: the
// batch is then made without copying them. The op must give its samples up (`move()`), because the
// batch is the same memory.

interface Room {
  readonly buffer: ArrayBuffer
  /** Bytes of a sample. */
  readonly each: number
  /** Start of the next sample. */
  end: number
  /** Starts of the samples that were given up. */
  readonly moved: Set<number>
}

let room: Room | undefined
/** The sizes of memory that was asked for since the last batch began. */
let asked: number[] = []

/**
 * Begins a batch. With `each`, its `count` samples have that size and lie in one buffer of
 * `alloc()`.
 */
export function beginBatch(
  each: number,
  count: number,
  alloc: (byteLength: number) => Uint8Array,
): void {
  asked = []
  room = undefined
  if (each > 0) {
    const buffer = alloc(each * count).buffer as ArrayBuffer
    // The op decides whether it gives the batch up.
    markKept(buffer)
    room = { buffer, each, end: 0, moved: new Set() }
  }
  onMove(room === undefined ? undefined : noteMoved)
}

/** Ends a batch of `count` samples. */
export function endBatch(count: number): BatchMemory {
  const [each = 0] = asked
  const isRegular = asked.length === count && asked.every((size) => size === each)
  const isJoined = room === undefined
  room = undefined
  asked = []
  onMove(undefined)
  return { each: isRegular ? each : 0, isJoined }
}

/** How the samples of a batch were stored. */
export interface BatchMemory {
  /** The size of a sample, if each asked once for memory, all for the same size; 0 otherwise. */
  readonly each: number
  /** Whether their buffer has become the batch. */
  readonly isJoined: boolean
}

/** Memory for a sample in the buffer of its batch. `undefined`: the caller allocates it. */
export function takeRoom(byteLength: number): Uint8Array | undefined {
  asked.push(byteLength)
  if (room === undefined || byteLength !== room.each) return undefined
  const { buffer, end } = room
  if (end + byteLength > buffer.byteLength) return undefined
  room.end += byteLength
  return new Uint8Array(buffer, end, byteLength)
}

function noteMoved(view: ArrayBufferView): void {
  if (room !== undefined && view.buffer === room.buffer && view.byteLength === room.each)
    room.moved.add(view.byteOffset)
}

/**
 * The buffer that these samples fill completely and in order, if they were given up. It can be
 * taken once. `undefined`: they must be copied to be together.
 */
export function takeJoined(samples: readonly ArrayBufferView[]): ArrayBuffer | undefined {
  if (room === undefined) return undefined
  const { buffer, each, moved } = room
  const isWhole =
    samples.length * each === buffer.byteLength &&
    samples.every(
      (view, i) =>
        view.buffer === buffer &&
        view.byteOffset === i * each &&
        view.byteLength === each &&
        moved.has(view.byteOffset),
    )
  if (!isWhole) return undefined
  room = undefined
  return buffer
}

/**
 * Whether these samples are arrays that were given up, so that the next ones may share a buffer.
 */
export function areGivenUp(samples: readonly unknown[]): boolean {
  return samples.every((sample) => {
    const { data } = (sample ?? {}) as { readonly data?: unknown }
    return ArrayBuffer.isView(data) && isMovable(data.buffer as ArrayBuffer)
  })
}
