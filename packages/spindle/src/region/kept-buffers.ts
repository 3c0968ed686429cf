const kept: WeakSet<ArrayBuffer> = new WeakSet()
let hasAny = false

/** Has the buffers in `value` stay in this worker, whatever leaves it: those of tables, which are looked up again. */
export function keepBuffers(value: unknown, seen: Set<object> = new Set()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value
  if (buffer instanceof ArrayBuffer) {
    kept.add(buffer)
    hasAny = true
  } else if (value instanceof Map) for (const [, member] of value) keepBuffers(member, seen)
  else if (value instanceof Set || Array.isArray(value)) for (const member of value) keepBuffers(member, seen)
  else if (!ArrayBuffer.isView(value)) for (const member of Object.values(value)) keepBuffers(member, seen)
}

/** Takes the buffers that are to stay out of a message's list of those that leave; they are copied instead. */
export function withoutKept(transfers: Set<ArrayBuffer>): ArrayBuffer[] {
  return hasAny ? [...transfers].filter((buffer) => !kept.has(buffer)) : [...transfers]
}
