import {
  classOf,
  isMemory,
  type Memory,
  setMember,
  viewOf,
  walk,
  withReplaced,
} from '../transport/walk-value.ts'

/** Buffers smaller than this go with their message. */
const LARGE_BYTES = 1 << 14

/** Puts bytes somewhere and gives their offset, or `undefined` if there is no place. */
export type PutAside = (bytes: Uint8Array) => number | undefined

/**
 * A buffer or view that goes beside its message: the object that holds it in the message
 * (`undefined`: the message's list), the key there, its class, and where its bytes are. What is at
 * the same offset is one buffer. And again.
 */
export type Parcel = readonly [
  holder: object | undefined,
  key: unknown,
  view: string,
  offset: number,
  byteLength: number,
]
export const FIELDS_OF_PARCEL = 5

/**
 * The value without its large buffers, which are given to `extractBuffers`; `at`: its place in the
 * message's list. What holds such a buffer is copied, the rest is kept, and what is there twice
 * stays one. Calls neither of both if it throws.
 *
 * @throws {CannotCross}, a `TypeError` where there is shared memory, which processes do not share,
 *   and whatever getters throw.
 */
export function withoutBuffers(
  value: object,
  at: number,
  extractBuffers: PutAside,
  addParcels: (parcels: readonly Parcel[]) => void,
): unknown {
  const large = largeMemory(value)
  if (large.size === 0) return value
  const holes = new Map<object, undefined>()
  for (const memory of large) holes.set(memory, undefined)
  const found: Hole[] = isMemory(value) ? [{ memory: value, holder: undefined, key: at }] : []
  const stripped = withReplaced(value, holes, (memory, holder, key) => {
    found.push({ memory: memory as Memory, holder, key })
  })
  const parcels: Parcel[] = []
  const places = new Map<ArrayBufferLike, Place[]>()
  for (const { memory, holder, key } of found) {
    const place = placeOf(memory, places, extractBuffers)
    // The file is full: it goes with the message after all.
    if (place.offset === undefined) {
      if (holder === undefined) return value
      setAt(holder, key, memory)
    } else parcels.push([holder, key, classOf(memory), place.offset, place.bytes.byteLength])
  }
  addParcels(parcels)
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

/** Where the bytes of a buffer or view are; views of the same bytes share them. */
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
 * The large buffers and views in a value, but for those that are keys of maps or members of sets,
 * which keep their places only in the message.
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
 * Puts a buffer or view back where it was; `list`: that of the message. `buffers`: what has been
 * put back of it before.
 */
export function restoreBuffers(
  list: object,
  [holder = list, key, view, offset, byteLength]: Parcel,
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
