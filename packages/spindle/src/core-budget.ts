// The cores of this thread's work that compute for long: model sessions reserve theirs, and pools
// that decode use the others.

import { availableParallelism } from 'node:os'

interface CoreBudget {
  reserved: number
  readonly listeners: Set<(free: number) => void>
}

const KEY = Symbol.for('spindle.cores')
const place = globalThis as { [KEY]?: CoreBudget }
place[KEY] ??= { reserved: 0, listeners: new Set() }
const budget: CoreBudget = place[KEY]

/**
 * Reserves cores for threads that compute for long, such as the sessions of a model. Pools whose
 * size nobody gave then use the others: {@link freeCores}. Returns the function that ends the
 * reservation.
 */
export function reserveCores(count: number): () => void {
  let isReserved = true
  change(count)
  return () => {
    if (isReserved) change(-count)
    isReserved = false
  }
}

/** Cores that nothing has reserved, at least 1. */
export function freeCores(): number {
  return Math.max(1, availableParallelism() - budget.reserved)
}

/** Calls `listener` with the number of free cores whenever it changes. */
export function onFreeCores(listener: (free: number) => void): void {
  budget.listeners.add(listener)
}

function change(by: number): void {
  budget.reserved += by
  for (const listener of budget.listeners) listener(freeCores())
}
