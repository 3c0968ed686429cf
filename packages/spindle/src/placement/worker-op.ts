import { badOption, checkOptions } from '../check.ts'

declare const types: unique symbol

/** An op by reference: a function that a module exports. Made by {@link workerModule}; it is data, not to be called. */
export interface WorkerOp<in T, out R> {
  /** URL of the module. */
  readonly href: string
  /** Name of the exported function. */
  readonly exportName: string
  /** Name of the function that is called once in each worker before the module's first op. */
  readonly init: string | undefined
  /** Never there: carries the op's types. */
  readonly [types]?: (item: T) => R
}

/** The exported functions of a module that can be ops, by reference. */
export type WorkerModule<M> = {
  readonly [K in keyof M as M[K] extends (item: never, context: never) => unknown ? K : never]: M[K] extends (
    item: infer T,
    context: never,
  ) => infer R
    ? WorkerOp<T, R>
    : never
}

/** Options of `workerModule()`. */
export interface WorkerModuleOptions {
  /** Name of an exported function, which may be async, that is called once in each worker before its first op. Default: none. */
  readonly init?: string
}

const made = new WeakSet<object>()

/**
 * The functions that a module exports, as ops that can run in a worker. The module is not loaded here; only its type is looked at.
 * Write `.js` also where the file is `.ts`: what is there is found, from sources and built.
 *
 * @throws `ERR_BAD_OPTION` if `href` is no URL.
 *
 * @example
 * ```ts
 * import type * as Ops from './ops.ts'
 *
 * const ops = workerModule<typeof Ops>(import.meta.resolve('./ops.js'))
 * const pipeline = new PipelineBuilder().addSource(paths).pipe(ops.decode, { concurrency: 4 }).build()
 * ```
 */
export function workerModule<M>(href: string, options: WorkerModuleOptions = {}): WorkerModule<M> {
  if (typeof href !== 'string' || !/^(file|data):/.test(href)) {
    badOption('href', "the URL of a module, as import.meta.resolve('./ops.js') gives it", href)
  }
  checkOptions(options, ['init'])
  const { init } = options
  if (init !== undefined && (typeof init !== 'string' || init === ''))
    badOption('init', 'the name of an exported function', init)
  const ops = new Map<string, WorkerOp<never, unknown>>()
  const target: object = Object.create(null)
  const get = (_target: object, exportName: string | symbol): unknown => {
    // A module that is awaited must not look like a promise.
    if (typeof exportName === 'symbol' || exportName === 'then') return undefined
    let op = ops.get(exportName)
    if (op === undefined) {
      op = Object.freeze({ href, exportName, init })
      made.add(op)
      ops.set(exportName, op)
    }
    return op
  }
  return new Proxy(target, { get }) as WorkerModule<M>
}

/** Whether something is an op of {@link workerModule}. */
export function isWorkerOp(value: unknown): value is WorkerOp<never, unknown> {
  return typeof value === 'object' && value !== null && made.has(value)
}
