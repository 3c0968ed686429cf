import type { Fault } from '../base/errors.ts'
import type { ItemOutcome } from './item-outcome.ts'
import type { PackedResults } from './pack-results.ts'
import type { Stacking } from './stack-arrays.ts'

// What the main side and a session's worker tell each other. All of it is plain data.

/** The model that a worker opens. */
export type ModelSpec =
  | {
      readonly kind: 'onnx'
      /** Path, or the bytes in shared memory or in a buffer of their own. */
      readonly model: string | Uint8Array
      readonly runtime: OnnxRuntime | undefined
      readonly sessionOptions: Readonly<Record<string, unknown>>
      readonly stacking: Stacking
    }
  | {
      readonly kind: 'tokenizer'
      readonly path: string
      /** Element type of ids, or the inputs of a text model. */
      readonly form: 'uint16' | 'uint32' | 'int32' | 'feeds'
      readonly specialTokens: boolean
      readonly maxTokens: number | undefined
    }
  | {
      readonly kind: 'transformers'
      readonly task: string
      readonly model: string
      readonly options: Readonly<Record<string, unknown>>
      readonly callOptions: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'module'
      readonly href: string
      readonly exportName: string
      readonly settings: unknown
    }

/** A package that runs ONNX models. */
export type OnnxRuntime = 'onnxruntime-node' | 'onnxruntime-web'

/** What a worker needs to open its session. */
export interface SessionSetup {
  readonly spec: ModelSpec
  readonly threads: number
  readonly providers: readonly string[] | undefined
  readonly outputs: readonly string[] | undefined
  /** Inputs that are run once after opening. */
  readonly warmup: readonly unknown[] | undefined
}

/** Inputs of a batch. */
export interface BatchRequest {
  readonly inputs: readonly unknown[]
}

/** The results of a batch. */
export interface BatchReply {
  readonly session: SessionReport
  /** One for each item. Empty with `fault` and with `packed`. */
  readonly outcomes: readonly ItemOutcome[]
  /** The results of all items, if they are ids. */
  readonly packed?: PackedResults | undefined
  /** Why no batch can be run here. */
  readonly fault?: Fault
  /** When the run began, in milliseconds since 1970, and how long it took. */
  readonly beganAt: number
  readonly runMs: number
  /** Number of runs: more than one if the batch was split. */
  readonly runs: number
}

/** What a session tells about itself. */
export interface SessionReport {
  /** Process and thread. */
  readonly worker: string
  readonly provider: string | undefined
  readonly notes: readonly string[]
  /** Time that opening and the warm-up took. */
  readonly loadMs: number
}
