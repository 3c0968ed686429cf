// Node ends threads by force when the process ends. A thread inside a native call then crashes the
// process. So the end of the process waits, for a limited time, until such calls have returned.

import { clockMs } from '../../timers.ts'

/** A worker that must not be ended in the middle of a call. */
export interface Guarded {
  /** Makes the worker begin no further call. */
  stop(): void
  /**
   * Blocks this thread until the worker is in no call. `endsAt`: when the process began to end, as
   * `performance.now()`.
   */
  waitUntilOutside(endsAt: number): void
}

const guarded = new Set<Guarded>()

/** Guards a worker until {@link unguardExit}. */
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
