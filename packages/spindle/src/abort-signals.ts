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

const listening: WeakMap<AbortSignal, Set<() => void>> = new WeakMap()

/**
 * Calls `callback` when a user's signal is aborted. All callers share one listener on the signal.
 * The returned function removes `callback` again.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = listening.get(signal)
  const listeners = known ?? new Set()
  // A new function for each call, so that the same `callback` can be registered twice.
  const listener = (): void => callback()
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
    listening.delete(signal)
    for (const listener of [...listeners]) listener()
  }
  listening.set(signal, listeners)
  shared.set(signal, callAll)
  signal.addEventListener('abort', callAll, { once: true })
}

function leave(signal: AbortSignal): void {
  const callAll = shared.get(signal)
  if (callAll === undefined) return
  listening.delete(signal)
  shared.delete(signal)
  signal.removeEventListener('abort', callAll)
}
