// Structured cloning sends the whole buffer behind a view, however small the view. So before a value is sent, its buffers are looked for:
// those that it covers whole are given away (if they may be), parts of larger ones are copied out, and the copies given away.

/**
 * The value as it should be sent, and into `transfers` what goes without a copy. With `givesAway`, buffers that the value covers as a whole
 * are transferred; without, only copies made here. Shared memory is passed as it is.
 */
export function pack(
  value: unknown,
  transfers: Set<ArrayBuffer>,
  givesAway: boolean,
  tally?: Tally,
): unknown {
  if (typeof value !== 'object' || value === null || isFlat(value)) return value
  const survey: Survey = { wholes: new Set(), parts: [], seen: new Set() }
  look(value, survey)
  // A buffer that an earlier value of the same message takes along must not arrive in two places. One that the sender keeps is cloned with
  // the message, which is two copies; from some size on one copy, given away, is cheaper.
  const isKept = (buffer: ArrayBuffer): boolean =>
    survey.wholes.has(buffer) && (givesAway ? !transfers.has(buffer) : buffer.byteLength < LARGE_BYTES)
  const mustCopy =
    survey.parts.some((part) => !isKept(part.buffer as ArrayBuffer)) ||
    [...survey.wholes].some((buffer) => !isKept(buffer))
  const packed = mustCopy
    ? rebuild(value, { isKept, wholes: survey.wholes, transfers, tally, memo: new Map() })
    : value
  for (const buffer of survey.wholes) {
    // Not the empty ones: a buffer that was given away before looks so, and a message with such a one is lost without an error,
    // where cloning it is refused.
    if (buffer.byteLength === 0 || !isKept(buffer)) continue
    if (givesAway) transfers.add(buffer)
    if (tally !== undefined) tally[givesAway ? 'transferredBytes' : 'copiedBytes'] += buffer.byteLength
  }
  return packed
}

const LARGE_BYTES = 1 << 14

/** The buffers that a value covers as a whole, which can be given away. */
export function wholeBuffersOf(value: unknown): ReadonlySet<ArrayBuffer> {
  const survey: Survey = { wholes: new Set(), parts: [], seen: new Set() }
  look(value, survey)
  return survey.wholes
}

/** Bytes that left with their buffers, and bytes that had to be copied first. */
export interface Tally {
  transferredBytes: number
  copiedBytes: number
}

interface Survey {
  readonly wholes: Set<ArrayBuffer>
  readonly parts: ArrayBufferView[]
  readonly seen: Set<object>
}

/** Whether an object has no objects in it; most small items are so, and cost no more than this. */
function isFlat(value: object): boolean {
  if (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    value instanceof Map ||
    value instanceof Set
  )
    return false
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'object' && member !== null) return false
  }
  return true
}

function look(value: unknown, survey: Survey): void {
  if (typeof value !== 'object' || value === null || survey.seen.has(value)) return
  survey.seen.add(value)
  if (value instanceof ArrayBuffer) survey.wholes.add(value)
  else if (ArrayBuffer.isView(value)) {
    if (!(value.buffer instanceof ArrayBuffer)) return
    if (value.byteLength === value.buffer.byteLength) survey.wholes.add(value.buffer)
    else survey.parts.push(value)
  } else if (Array.isArray(value)) {
    for (const member of value) if (typeof member === 'object') look(member, survey)
  } else if (value instanceof Map) {
    for (const [key, member] of value) {
      look(key, survey)
      look(member, survey)
    }
  } else if (value instanceof Set) for (const member of value) look(member, survey)
  else for (const key of Object.keys(value)) look((value as Record<string, unknown>)[key], survey)
}

interface Rebuilding {
  readonly isKept: (buffer: ArrayBuffer) => boolean
  readonly wholes: ReadonlySet<ArrayBuffer>
  readonly transfers: Set<ArrayBuffer>
  readonly tally: Tally | undefined
  readonly memo: Map<object, unknown>
}

/** The same value with copies for the buffers that cannot be kept. Containers are made anew; the sender's own stay as they are. */
function rebuild(value: unknown, to: Rebuilding): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = to.memo.get(value)
  if (known !== undefined) return known
  const remember = <R>(made: R): R => {
    to.memo.set(value, made)
    return made
  }
  const again = (member: unknown): unknown => rebuild(member, to)
  if (value instanceof ArrayBuffer)
    return to.isKept(value) ? value : remember(copy(value, 0, value.byteLength, to))
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    if (!(buffer instanceof ArrayBuffer) || to.isKept(buffer)) return value
    // Views of one buffer that goes as a whole see each other's writes on the other side, too.
    const isWhole = to.wholes.has(buffer)
    const bytes = isWhole ? (again(buffer) as ArrayBuffer) : copy(buffer, byteOffset, byteLength, to)
    return remember(viewOf(value, bytes))
  }
  if (Array.isArray(value)) {
    const list: unknown[] = remember([])
    for (const member of value) list.push(again(member))
    return list
  }
  if (value instanceof Map) {
    const map = remember(new Map())
    for (const [key, member] of value) map.set(again(key), again(member))
    return map
  }
  if (value instanceof Set) {
    const set = remember(new Set())
    for (const member of value) set.add(again(member))
    return set
  }
  // Dates, errors, blobs: cloned as they are.
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  const record: Record<string, unknown> = remember({})
  for (const [key, member] of Object.entries(value)) record[key] = again(member)
  return record
}

function copy(buffer: ArrayBuffer, offset: number, length: number, to: Rebuilding): ArrayBuffer {
  const bytes = buffer.slice(offset, offset + length)
  to.transfers.add(bytes)
  if (to.tally !== undefined) to.tally.copiedBytes += length
  return bytes
}

type ViewConstructor = new (buffer: ArrayBuffer) => ArrayBufferView

/** A view of the same kind over all of `bytes`. */
function viewOf(view: ArrayBufferView, bytes: ArrayBuffer): ArrayBufferView {
  // The tag and not the constructor: a `Buffer` arrives as a `Uint8Array`, as cloning has it.
  const name = Object.prototype.toString.call(view).slice(8, -1)
  const View = (globalThis as unknown as Record<string, ViewConstructor>)[name] as ViewConstructor
  return new View(bytes)
}
