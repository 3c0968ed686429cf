import { badOption } from '../../check.ts'
import { isWorkerOp, OP_BRAND, type OpReference, type WorkerOp } from '../../engine/worker-op.ts'
import { SpindleError } from '../../errors.ts'
import type { StageContext } from '../../op-context.ts'
import { anything, is, options, type Rule, type Rules } from '../../options/index.ts'
import { checkHref } from '../supervise/module-href.ts'
import { notTransferable } from '../transport/not-transferable.ts'

/** The exported functions of a module that can be ops, by reference. */
export type WorkerModule<M> = {
  readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K] extends (
    item: infer T,
    ...rest: never[]
  ) => infer R
    ? WorkerOp<T, R, BoundOf<M[K]>>
    : never
}

/** The parameters of a function between the item and the context. */
export type BoundOf<F> = F extends (...args: infer P) => unknown ? WithoutContext<Rest<P>> : never

type Rest<P extends readonly unknown[]> = P extends readonly [_item?: unknown, ...rest: infer R]
  ? R
  : []

type WithoutContext<P extends readonly unknown[]> = number extends P['length']
  ? [...P]
  : Required<P> extends readonly [...infer Values, infer Last]
    ? IsContext<Last> extends true
      ? Values
      : unknown extends Last
        ? [...Values, Last?]
        : P
    : P

/**
 * Whether a parameter can only be the context: its type accepts the context and names some of its
 * members.
 */
type IsContext<L> = unknown extends L
  ? false
  : StageContext extends L
    ? [keyof L & keyof StageContext] extends [never]
      ? false
      : true
    : false

/** Options of `workerModule()`. */
export interface WorkerModuleOptions {
  /**
   * Name of an exported function, sync or async, that is called once in each worker before its
   * first op of this module. Default: none.
   */
  readonly init?: string
  /** Argument of `init`: any cloneable value. It is copied now. Default `undefined`. */
  readonly initArgs?: unknown
}

const moduleOptions = options('WorkerModuleOptions', {
  init: is(
    'the name of an exported function',
    (value) => typeof value === 'string' && value !== '',
  ),
  initArgs: anything(),
} satisfies Rules<WorkerModuleOptions>)

/** The run-time form of a {@link WorkerOp}. */
class Reference implements OpReference {
  readonly href: string
  readonly exportName: string
  readonly init: string | undefined
  readonly initArgs: unknown
  readonly bound: readonly unknown[] | undefined

  constructor({ href, exportName, init, initArgs, bound }: OpReference) {
    this.href = href
    this.exportName = exportName
    this.init = init
    this.initArgs = initArgs
    this.bound = bound
    Object.freeze(this)
  }

  with(...bound: readonly unknown[]): Reference {
    if (this.bound !== undefined) {
      throw new SpindleError(
        'ERR_BAD_STATE',
        `op ${this.exportName} of ${this.href} already has its values: pass all of them in one call of with()`,
      )
    }
    return new Reference({
      ...this,
      bound: Object.freeze(copyOf(bound, `${this.exportName}.with()`)),
    })
  }
}

Object.defineProperty(Reference.prototype, OP_BRAND, { value: true })

/**
 * The functions that a module exports, as ops that can run in a worker. The module is not loaded
 * here; only its type is used. Write `.js` even if the file is `.ts`: Spindle finds the file that
 * exists, both in sources and in builds.
 *
 * @throws `ERR_BAD_OPTION` if `href` is not a URL; `ERR_NOT_TRANSFERABLE` if `initArgs` cannot be
 *   sent to a worker.
 *
 * @example
 * ```ts
 * import type * as Ops from './ops.ts'
 *
 * const ops = workerModule<typeof Ops>(import.meta.resolve('./ops.js'), { init: 'load', initArgs: { model } })
 * const pipeline = new PipelineBuilder().addSource(paths).pipe(ops.resize.with({ width: 224 }), { concurrency: 4 }).build()
 * ```
 */
export function workerModule<M>(
  href: string | URL,
  options: WorkerModuleOptions = {},
): WorkerModule<M> {
  const module = checkHref(href, './ops.js')
  const { init, initArgs } = copyInitArgs(moduleOptions.check(options))
  const ops = new Map<string, Reference>()
  const target: object = Object.create(null)
  const get = (_target: object, exportName: string | symbol): unknown => {
    // A module object that is awaited must not look like a promise.
    if (typeof exportName === 'symbol' || exportName === 'then') return undefined
    let op = ops.get(exportName)
    if (op === undefined) {
      op = new Reference({ href: module, exportName, init, initArgs, bound: undefined })
      ops.set(exportName, op)
    }
    return op
  }
  return new Proxy(target, { get }) as WorkerModule<M>
}

/**
 * Checks `initArgs` together with `init` and copies it, so that later changes by the caller have no
 * effect.
 *
 * @throws `ERR_BAD_OPTION` without `init`; `ERR_NOT_TRANSFERABLE`
 */
export function copyInitArgs<O extends { readonly init: unknown; readonly initArgs: unknown }>(
  options: O,
): O {
  const { init, initArgs } = options
  if (initArgs === undefined) return options
  if (init === undefined)
    badOption(
      'initArgs',
      'left out where there is no `init`, which is what is called with it',
      initArgs,
    )
  return { ...options, initArgs: copyOf(initArgs, 'initArgs') }
}

function copyOf<V>(value: V, what: string): V {
  try {
    return structuredClone(value)
  } catch (error) {
    throw notTransferable(value, what, error)
  }
}

/** The op of a reference, in the thread or process that received it. */
export function opOf(reference: OpReference): WorkerOp<never, unknown> {
  return new Reference(reference) as unknown as WorkerOp<never, unknown>
}

/** An op as plain data. */
export function referenceOf(op: WorkerOp<never, unknown>): OpReference {
  const { href, exportName, init, initArgs, bound } = op
  return { href, exportName, init, initArgs, bound }
}

/** The rule of an option that is an op to be called once in each worker. */
export const initRule: Rule<WorkerOp<never, unknown>, 'maybe'> = is(
  'an op of workerModule()',
  isWorkerOp,
)
