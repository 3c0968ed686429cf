// Ops by reference, as the engine sees them: data that an executor understands.

/** An op as a worker is told of it. */
export interface OpReference {
  readonly href: string
  readonly exportName: string
  readonly init: string | undefined
  /** What `init` is called with. */
  readonly initArgs: unknown
  /** Values that follow the item in each call; `undefined` for none. */
  readonly bound: readonly unknown[] | undefined
}

declare const types: unique symbol

/**
 * An op by reference: a function that a module exports. Made by `workerModule()`; it is data, not
 * to be called. `A`: what the function takes between the item and the context, which
 * {@link WorkerOp.with} binds.
 */
export interface WorkerOp<in T, out R, A extends readonly unknown[] = []> {
  /** URL of the module. */
  readonly href: string
  /** Name of the exported function. */
  readonly exportName: string
  /** Name of the function that is called once in each worker before the module's first op. */
  readonly init: string | undefined
  /** What that is called with. */
  readonly initArgs: unknown
  /** The values that follow the item in each call; `undefined` for none. */
  readonly bound: readonly unknown[] | undefined
  /**
   * The op with values that follow the item in each call: `ops.resize.with({ width: 224 })` calls
   * `resize(item, { width: 224 }, context)`. They are copied now, and sent once to each worker.
   *
   * @throws `ERR_NOT_TRANSFERABLE` if a value cannot cross to a worker; `ERR_BAD_STATE` if values
   *   are bound already.
   */
  with(...bound: A): WorkerOp<T, R>
  /** Never there: carries the op's types. */
  readonly [types]?: (item: T) => R
}

/** Known by this also where another copy of the package has made the op. */
export const OP_BRAND: unique symbol = Symbol.for('spindle.op')

/** Whether something is an op of `workerModule()`, of this copy of the package or another. */
export function isWorkerOp(value: unknown): value is WorkerOp<never, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { [OP_BRAND]?: unknown })[OP_BRAND] === true
  )
}
