import type { AnyNdArray } from '@spindle/io'
import type { ModelFeeds, ModelInput } from '../base/arrays.ts'
import type { OnnxRuntime } from '../session/batch-protocol.ts'

/** The sessions of a model: how many, and where. */
export interface SessionOptions {
  /**
   * Number of sessions, an integer >= 1. Each holds a copy of the model. Default: one for every
   * four cores of the model.
   */
  readonly count?: number
  /** Where sessions run. Processes survive crashes of native code. Default `'thread'`. */
  readonly kind?: 'thread' | 'process'
  /**
   * Threads that one run of a session may use, an integer >= 1. Default: so many that sessions and
   * decoding together use each core once.
   */
  readonly threads?: number
  /**
   * How long a run may continue that nobody waits for, in milliseconds. Then its session is
   * replaced. Default 1000.
   */
  readonly graceMs?: number
}

/** How items become batches. */
export interface BatchOptions<T = unknown> {
  /** Largest number of items in a batch, an integer >= 1. Default 8. */
  readonly max?: number
  /**
   * Longest time that an item waits for others while a session is free, in milliseconds, a number
   * >= 0. Default 10.
   */
  readonly waitMs?: number
  /**
   * Returns what the items of one batch have in common, for example a range of lengths. Default:
   * the dtypes and shapes of the arrays; with `pad`, their number of elements within a factor of
   * two.
   */
  readonly bucketBy?: (item: T) => string | number
  /**
   * Value that fills up the ends of shorter arrays: one for all inputs, or one for each input.
   * Default: arrays of a batch must have one shape.
   */
  readonly pad?: number | Readonly<Record<string, number>>
}

/** Options that all models have. `T`: an item of the stage, `I`: what the backend takes of it. */
export interface CommonModelOptions<T, I> {
  /** Name of the stage. Default: the name of the model's file or backend. */
  readonly name?: string
  /** The sessions, or their number. Default: see {@link SessionOptions}. */
  readonly sessions?: number | SessionOptions
  /**
   * How items become batches. `false`: each run takes one item as it is, without a batch axis.
   * Default: `{ max: 8, waitMs: 10 }`.
   */
  readonly batch?: false | BatchOptions<T>
  /**
   * Providers in the order of preference: `['cuda', 'cpu']`. Those that cannot be used are named in
   * the report. Default: the CPU.
   */
  readonly providers?: readonly string[]
  /** Items that each session runs, as one batch, before its first one. Default: none. */
  readonly warmup?: readonly T[]
  /** Returns what the backend takes of an item. Default: the item itself. */
  readonly inputs?: (item: T) => I
  /**
   * Whether arrays of 16 KiB or more move into a session's thread without a copy. They are then
   * empty on this side. Default: true, except in a stage with `timeoutMs`, whose items may be
   * needed again.
   */
  readonly transfer?: boolean
}

/** What an item gives: one array for the name of one output, arrays by name otherwise. */
export type OutputsOf<O> = [O] extends [string]
  ? AnyNdArray
  : [O] extends [readonly (infer N extends string)[]]
    ? { readonly [K in N]: AnyNdArray }
    : ModelFeeds

/** Names of outputs. */
export type OutputNames = string | readonly string[] | undefined

/** Options of a model in a file of the ONNX format. */
export interface OnnxModelOptions<T, O extends OutputNames, R>
  extends CommonModelOptions<T, ModelInput> {
  /**
   * Name of the output to give, or names of several. With one name, an item gives that array; else
   * arrays by name. Default: all outputs by name.
   */
  readonly outputs?: O
  /** Makes the stage's result of an item, on this side. Default: the outputs. */
  readonly result?: (outputs: OutputsOf<O>, item: T) => R
  /** The package that runs the model. Default: `'onnxruntime-node'` where it is installed. */
  readonly runtime?: OnnxRuntime
  /** Further options of `InferenceSession.create()`. Default: none. */
  readonly sessionOptions?: Readonly<Record<string, unknown>>
  /** Inputs that are the same in every run, given as they are. Default: none. */
  readonly constants?: ModelFeeds
}

/** Options of a model that a backend of `defineBackend()` opens. */
export interface BackendModelOptions<S, T, I, O, R> extends CommonModelOptions<T, I> {
  /** The backend's settings: any cloneable value. Default `undefined`. */
  readonly settings?: S
  /** Makes the stage's result of an item, on this side. Default: the backend's result. */
  readonly result?: (output: O, item: T) => R
}

/** Options of a pipeline of transformers.js. */
export interface TransformersOptions<T, I, O, R> extends CommonModelOptions<T, I> {
  /** Options of `pipeline()`, for example `dtype`. Default: none. */
  readonly pipelineOptions?: Readonly<Record<string, unknown>>
  /** Options of each call, for example `pooling` and `normalize`. Default: none. */
  readonly callOptions?: Readonly<Record<string, unknown>>
  /** Makes the stage's result of an item, on this side. Default: the pipeline's result. */
  readonly result?: (output: O, item: T) => R
}
