/** What gives members whose bytes are valid until the next one is asked for. */
const reusing = new WeakSet<object>()

/** Notes that the bytes of members are overwritten, where they are. */
export function withReuse<T extends object>(members: T, isReused: boolean): T {
  if (isReused) reusing.add(members)
  return members
}

/** Whether the bytes of members must be copied to be kept. */
export function isReusing(members: object): boolean {
  return reusing.has(members)
}
