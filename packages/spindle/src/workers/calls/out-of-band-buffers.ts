import {
  classOf,
  isMemory,
  type Memory,
  setMember,
  viewOf,
  walk,
  withReplaced,
} from '../transport/walk-value.ts'

/** Smaller buffers are sent within their message, in bytes. */
const LARGE_BYTES = 1 << 14

/**
 * Writes bytes outside the message and returns their offset, or `undefined` if there is no room.
 */
export type PutAside = (bytes: Uint8Array) => number | undefined

/**
 * A buffer or view that is sent outside its message: the object in the message that holds it
 * (`undefined`: the message's list), its key there, its class, and the position of its bytes.
 * Entries with the same offset are the same buffer. A message has a flat list of these fields.
 */
export type ExtractedBuffer = readonly [
  holder: object | undefined,
  key: unknown,
  view: string,
  offset: number,
  byteLength: number,
]
export const FIELDS_OF_EXTRACTED = 5

/**
 * Replaces the large buffers of a value, which are passed to `extractBuffers`. `at`: index of the
 * value in the message's list. Objects that hold such a buffer are copied, all others are kept, and
 * shared references stay shared. If it throws, it has called neither callback.
 *
 * @throws {CannotCross}, a `TypeError` for shared memory, which processes do not share; and errors
 *   of getters.
 */
export function withoutBuffers(
  value: object,
  at: number,
  extractBuffers: PutAside,
  addExtracted: (extracted: readonly ExtractedBuffer[]) => void,
): unknown {
  const large = largeMemory(value)
  if (large.size === 0) return value
  const holes = new Map<object, undefined>()
  for (const memory of large) holes.set(memory, undefined)
  const found: Hole[] = isMemory(value) ? [{ memory: value, holder: undefined, key: at }] : []
  const stripped = withReplaced(value, holes, (memory, holder, key) => {
    found.push({ memory: memory as Memory, holder, key })
  })
  const extracted: ExtractedBuffer[] = []
  const places = new Map<ArrayBufferLike, Place[]>()
  for (const { memory, holder, key } of found) {
    const place = placeOf(memory, places, extractBuffers)
    // The file is full, so the buffer is sent within the message.
    if (place.offset === undefined) {
      if (holder === undefined) return value
      setAt(holder, key, memory)
    } else extracted.push([holder, key, classOf(memory), place.offset, place.bytes.byteLength])
  }
  addExtracted(extracted)
  return stripped
}

/** A buffer or view, the copy of the object that held it, and its key there. */
interface Hole {
  readonly memory: Memory
  readonly holder: object | undefined
  readonly key: unknown
}

interface Place {
  readonly bytes: Uint8Array
  readonly offset: number | undefined
}

/** Position of the bytes of a buffer or view. Views of the same bytes share it. */
function placeOf(
  memory: Memory,
  places: Map<ArrayBufferLike, Place[]>,
  extractBuffers: PutAside,
): Place {
  const bytes = bytesOf(memory)
  const ofBuffer = places.get(bytes.buffer) ?? []
  const known = ofBuffer.find(
    (place) =>
      place.bytes.byteOffset === bytes.byteOffset && place.bytes.byteLength === bytes.byteLength,
  )
  if (known !== undefined) return known
  const place = { bytes, offset: extractBuffers(bytes) }
  places.set(bytes.buffer, [...ofBuffer, place])
  return place
}

/**
 * The large buffers and views in a value. Keys of maps and members of sets are left out, because
 * only the message keeps their positions.
 */
function largeMemory(value: object): Set<Memory> {
  const large = new Set<Memory>()
  const visit = (memory: Memory): void => {
    if (isShared(memory)) throw new TypeError('shared memory cannot be shared with another process')
    if (memory.byteLength >= LARGE_BYTES && !isResizable(memory)) large.add(memory)
  }
  if (isMemory(value)) {
    visit(value)
    return large
  }
  const staying = new Set<object>()
  walk(value, visit, (member, holder) => {
    if (holder instanceof Set || (holder instanceof Map && holder.has(member))) staying.add(member)
  })
  for (const memory of large) if (staying.has(memory)) large.delete(memory)
  return large
}

/**
 * Puts a buffer or view back into its place. `list`: the message's list. `buffers`: the buffers of
 * this message that were restored before.
 */
export function restoreBuffers(
  list: object,
  [holder = list, key, view, offset, byteLength]: ExtractedBuffer,
  read: (offset: number, byteLength: number) => ArrayBuffer,
  views: Map<string, object>,
): void {
  const name = `${view} ${offset} ${byteLength}`
  let memory = views.get(name)
  if (memory === undefined) {
    const ofBuffer = `ArrayBuffer ${offset} ${byteLength}`
    const buffer = (views.get(ofBuffer) as ArrayBuffer | undefined) ?? read(offset, byteLength)
    views.set(ofBuffer, buffer)
    memory = view === 'ArrayBuffer' ? buffer : viewOf(view, buffer)
    views.set(name, memory)
  }
  setAt(holder, key, memory)
}

function setAt(holder: object, key: unknown, value: unknown): void {
  if (holder instanceof Map) holder.set(key, value)
  else setMember(holder, key as string, value)
}

function bytesOf(memory: Memory): Uint8Array {
  return ArrayBuffer.isView(memory)
    ? new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength)
    : new Uint8Array(memory)
}

function isShared(memory: Memory): boolean {
  return (ArrayBuffer.isView(memory) ? memory.buffer : memory) instanceof SharedArrayBuffer
}

function isResizable(memory: Memory): boolean {
  const buffer = ArrayBuffer.isView(memory) ? memory.buffer : memory
  return (buffer as { readonly resizable?: boolean }).resizable === true
}

/** Whether a value is shared memory or a view of it. */
export function isSharedMemory(value: unknown): boolean {
  return typeof value === 'object' && value !== null && isMemory(value) && isShared(value)
}
