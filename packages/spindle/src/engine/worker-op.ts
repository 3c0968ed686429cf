// Ops by reference: plain data that an executor understands.

import { SpindleError } from '../errors.ts'
import type { Executor } from './executor.ts'

/** An op in the form that is sent to workers. */
export interface OpReference {
  readonly href: string
  readonly exportName: string
  readonly init: string | undefined
  /** The argument of `init`. */
  readonly initArgs: unknown
  /** Values that follow the item in each call. `undefined`: none. */
  readonly bound: readonly unknown[] | undefined
}

/** Options of a stage that its op brings along: an op with workers of its own needs them. */
export interface OpDefaults {
  readonly name?: string
  readonly concurrency?: number
  readonly executor?: Executor
}

declare const types: unique symbol

/**
 * An op by reference: a function that a module exports. `workerModule()` makes it. It is data and
 * cannot be called. `A` are the parameters of the function between the item and the context, which
 * {@link WorkerOp.with} binds.
 */
export interface WorkerOp<in T, out R, A extends readonly unknown[] = []> {
  /** URL of the module. */
  readonly href: string
  /** Name of the exported function. */
  readonly exportName: string
  /** Name of the function that each worker calls once before the module's first op. */
  readonly init: string | undefined
  /** The argument of `init`. */
  readonly initArgs: unknown
  /** Values that follow the item in each call. `undefined`: none. */
  readonly bound: readonly unknown[] | undefined
  /**
   * Binds the values that follow the item in each call: `ops.resize.with({ width: 224 })` calls
   * `resize(item, { width: 224 }, context)`. The values are copied now and sent once to each
   * worker.
   *
   * @throws `ERR_NOT_TRANSFERABLE` if a value cannot be sent to a worker; `ERR_BAD_STATE` if values
   *   are bound already.
   */
  with(...bound: A): WorkerOp<T, R>
  /** Options that `pipe()` uses where its caller gives none. `undefined`: none. */
  readonly defaults?: OpDefaults | undefined
  /** Never set. Carries the types of the op. */
  readonly [types]?: (item: T) => R
}

/** Marks ops, so that one made by another copy of the package is recognised too. */
export const OP_BRAND: unique symbol = Symbol.for('spindle.op')

/** Whether a value is an op of `workerModule()`, from this copy of the package or another. */
export function isWorkerOp(value: unknown): value is WorkerOp<never, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { [OP_BRAND]?: unknown })[OP_BRAND] === true
  )
}

/**
 * An op that brings its own executor, for packages that run items in workers of their own: `pipe()`
 * needs no `executor` then.
 *
 * @param name name of the op, and of a stage without one
 * @param concurrency of a stage without one, an integer >= 1
 */
export function executorOp<T, R>(
  name: string,
  executor: Executor,
  concurrency: number,
): WorkerOp<T, R> {
  const op: WorkerOp<T, R> & { readonly [OP_BRAND]: true } = {
    [OP_BRAND]: true,
    href: `executor:${name}`,
    exportName: name,
    init: undefined,
    initArgs: undefined,
    bound: undefined,
    defaults: Object.freeze({ name, concurrency, executor }),
    with: () => {
      throw new SpindleError('ERR_BAD_STATE', `op ${name} takes no further values`)
    },
  }
  return Object.freeze(op)
}
