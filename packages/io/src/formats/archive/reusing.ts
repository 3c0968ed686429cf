/** Iterators whose members are valid only until the next member is requested. */
const reusing = new WeakSet<object>()

/** Marks an iterator whose memory is reused. */
export function withReuse<T extends object>(members: T, isReused: boolean): T {
  if (isReused) reusing.add(members)
  return members
}

/** Whether the bytes of members must be copied to keep them. */
export function isReusing(members: object): boolean {
  return reusing.has(members)
}
