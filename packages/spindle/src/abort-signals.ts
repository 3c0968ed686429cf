import { setMaxListeners } from 'node:events'

// Node 20 warns of a leak when a signal has more than ten listeners. Many pipelines may share a
// signal, and an op may start many requests with one.

/**
 * Makes a controller whose signal accepts any number of listeners without a warning. User code gets
 * the signal.
 */
export function makeController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

const told: WeakMap<AbortSignal, Set<() => void>> = new WeakMap()

/**
 * Calls `tell` when a user's signal is aborted. All callers share one listener on the signal. The
 * returned function removes `tell` again.
 */
export function onAbort(signal: AbortSignal, tell: () => void): () => void {
  const known = told.get(signal)
  const listeners = known ?? new Set()
  // A new function for each call, so that the same `tell` can be registered twice.
  const listener = (): void => tell()
  listeners.add(listener)
  if (known === undefined) share(signal, listeners)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) leave(signal)
  }
}

const shared: WeakMap<AbortSignal, () => void> = new WeakMap()

function share(signal: AbortSignal, listeners: Set<() => void>): void {
  const tellAll = (): void => {
    told.delete(signal)
    for (const listener of [...listeners]) listener()
  }
  told.set(signal, listeners)
  shared.set(signal, tellAll)
  signal.addEventListener('abort', tellAll, { once: true })
}

function leave(signal: AbortSignal): void {
  const tellAll = shared.get(signal)
  if (tellAll === undefined) return
  told.delete(signal)
  shared.delete(signal)
  signal.removeEventListener('abort', tellAll)
}
