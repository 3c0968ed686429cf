// Node ends threads by force when the process ends. A thread that is inside a native call then
// takes the process down with it, so the end of the process waits, not for long, until those that
// are in a call are out of it.

import { clockMs } from '../../timers.ts'

/** A worker that must not be surprised by the end of the process. */
export interface Guarded {
  /** It is to begin nothing more. */
  stop(): void
  /**
   * Waits, holding this thread, until it is in no call. `endsAt`: when the process began to end, on
   * `performance.now()`'s clock.
   */
  waitUntilOutside(endsAt: number): void
}

const guarded = new Set<Guarded>()

/** Watches over a worker until {@link unguardExit}. */
export function guardExit(worker: Guarded): void {
  if (guarded.size === 0) process.on('exit', atExit)
  guarded.add(worker)
}

export function unguardExit(worker: Guarded): void {
  guarded.delete(worker)
  if (guarded.size === 0) process.off('exit', atExit)
}

function atExit(): void {
  const endsAt = clockMs()
  for (const worker of guarded) worker.stop()
  for (const worker of guarded) worker.waitUntilOutside(endsAt)
}
