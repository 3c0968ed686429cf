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
 * Calls `onAbort` when a user's signal is aborted. All callers share one listener on the signal.
 * The returned function removes `onAbort` again.
 */
export function onAbort(signal: AbortSignal, onAbort: () => void): () => void {
  const known = told.get(signal)
  const listeners = known ?? new Set()
  // A new function for each call, so that the same `onAbort` can be registered twice.
  const listener = (): void => onAbort()
  listeners.add(listener)
  if (known === undefined) share(signal, listeners)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) leave(signal)
  }
}

const shared: WeakMap<AbortSignal, () => void> = new WeakMap()

function share(signal: AbortSignal, listeners: Set<() => void>): void {
  const callAll = (): void => {
    told.delete(signal)
    for (const listener of [...listeners]) listener()
  }
  told.set(signal, listeners)
  shared.set(signal, callAll)
  signal.addEventListener('abort', callAll, { once: true })
}

function leave(signal: AbortSignal): void {
  const callAll = shared.get(signal)
  if (callAll === undefined) return
  told.delete(signal)
  shared.delete(signal)
  signal.removeEventListener('abort', callAll)
}
