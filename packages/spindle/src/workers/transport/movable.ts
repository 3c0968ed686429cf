const marked: WeakSet<ArrayBuffer> = new WeakSet()

/** Marks one buffer as movable. */
export function markMovable(buffer: ArrayBuffer): void {
  marked.add(buffer)
}

/** Takes {@link markMovable} back. */
export function markKept(buffer: ArrayBuffer): void {
  marked.delete(buffer)
}

/** Whether a buffer may leave this thread without a copy. */
export function isMovable(buffer: ArrayBuffer): boolean {
  return marked.has(buffer)
}
