import { positionsFrom } from '../seek/expose.ts'
import type { Items, Plan } from '../seek/seek-plan.ts'
import type { MixCursor } from './mix-order.ts'

/** Settings of a mix of sources whose sizes are unknown. */
export interface StreamMixing {
  readonly stop: 'first' | 'all'
  readonly isAsync: boolean
}

/**
 * All items of a mix from the start, for sources whose size is unknown until their end. Reads
 * nothing ahead.
 */
export function streamMixed<T>(
  plans: readonly Plan<T>[],
  cursor: MixCursor,
  epoch: number,
  { stop, isAsync }: StreamMixing,
): Items<T> {
  const items = plans.map((plan) => plan.pick(positionsFrom(0, plan.size, undefined), epoch))
  return isAsync ? giveAsync(items, cursor, stop) : giveSync(items as Iterable<T>[], cursor, stop)
}

function* giveSync<T>(
  items: readonly Iterable<T>[],
  cursor: MixCursor,
  stop: 'first' | 'all',
): Generator<T, void, void> {
  const steps = items.map((some) => some[Symbol.iterator]())
  try {
    for (let source = cursor.next(); source !== -1; source = cursor.next()) {
      const step = steps[source]!.next()
      if (step.done !== true) yield step.value
      else if (stop === 'first') return
      else cursor.drop(source)
    }
  } finally {
    for (const some of steps) some.return?.()
  }
}

async function* giveAsync<T>(
  items: readonly Items<T>[],
  cursor: MixCursor,
  stop: 'first' | 'all',
): AsyncGenerator<T, void, void> {
  const steps = items.map((some) =>
    Symbol.asyncIterator in some ? some[Symbol.asyncIterator]() : some[Symbol.iterator](),
  )
  try {
    for (let source = cursor.next(); source !== -1; source = cursor.next()) {
      const step = await steps[source]!.next()
      if (step.done !== true) yield step.value
      else if (stop === 'first') return
      else cursor.drop(source)
    }
  } finally {
    for (const some of steps) await some.return?.()
  }
}
