// Total time for which ops of all pipelines of this thread have blocked its event loop, in
// milliseconds, from the timed calls. Code that waits for the loop can do nothing in this time: see
// `consumer-time.ts`.
let heldMs = 0

/** Adds a time for which ops blocked the event loop. */
export function opsHeld(ms: number): void {
  heldMs += ms
}

/** The total so far. */
export function heldByOpsMs(): number {
  return heldMs
}
