// How long the ops of all pipelines of this thread have held its loop, together, in milliseconds,
// as far as they are timed. Who waits for the loop meanwhile does nothing: see `consumer-time.ts`.
let heldMs = 0

/** Ops held the loop for so long. */
export function opsHeld(ms: number): void {
  heldMs += ms
}

/** The sum up to now. */
export function heldByOpsMs(): number {
  return heldMs
}
