import type { OpReference } from '../../engine/worker-op.ts'
import type { WireError } from '../transport/wire-error.ts'

// What the main side of a region and its workers tell each other. All that happens in one turn
// travels in one message: a flat list of entries, each a code and its fields.

/** A stage as plain data. What is a function elsewhere is a reference here, or a table. */
export type StagePlan = PipePlan | AggregatePlan | VariantsPlan

export interface PipePlan {
  readonly kind: 'pipe'
  readonly op: OpPlan
  readonly name: string
  readonly concurrency: number
  readonly range: { readonly min: number; readonly max: number } | undefined
  readonly outputOrder: 'completion' | 'input'
  readonly retry: RetryPlan | undefined
  readonly timeoutMs: number | undefined
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly where: string | undefined
}

export type OpPlan =
  | { readonly type: 'reference'; readonly reference: OpReference }
  /** An array or a `Map` in which items are looked up. */
  | { readonly type: 'table'; readonly table: unknown }
  /** What `disaggregate()` does. */
  | { readonly type: 'elements' }

export interface RetryPlan {
  readonly retries: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly factor: number
  readonly jitter: boolean
}

export interface AggregatePlan {
  readonly kind: 'aggregate'
  /** Of arrays of that size, or made by a function. */
  readonly make: number | OpReference
  readonly name: string
  readonly dropLast: boolean
  readonly buffer: number
  readonly where: string | undefined
}

export interface VariantsPlan {
  readonly kind: 'variants'
  readonly router: OpReference
  readonly paths: readonly (readonly StagePlan[])[]
  readonly batched: boolean
  readonly lookAhead: number
  readonly name: string
  readonly buffer: number
  readonly where: string | undefined
}

/** All that a worker of a region needs to know before its first input. */
export interface RegionPlan {
  readonly stages: readonly StagePlan[]
  readonly init: OpReference | undefined
  /** What that is called with. */
  readonly initArgs: unknown
  readonly pipelineId: number
  readonly seed: number
  /** Number of the first stage in the whole pipeline. */
  readonly firstId: number
  /**
   * How many failed items that the worker has told of may wait to be passed on to the user;
   * `undefined`: they do not wait.
   */
  readonly mostLetters: number | undefined
  /** Whether the bounds of its stages may be changed. */
  readonly isTuned: boolean
  /** Whether the worker must give its results in the order of its inputs. */
  readonly isOrdered: boolean
}

/** What a worker is started with. */
export interface RegionSetup {
  readonly plan: RegionPlan
  /** Where a thread notes which call holds it; a process tells it by messages. */
  readonly control: SharedArrayBuffer | undefined
  /** Descriptor of the file in which a process counts. */
  readonly pulse: number | undefined
}

/** The first descriptor that a process is started with. */
export const PULSE_FD = 4

// --- main side to worker

/** seq, value, source, epoch, index, path, covered */
export const INPUT = 0
/** So many results more may be sent. */
export const CREDIT = 1
/** An epoch (or the stream) ends here, so far as this worker is concerned. */
export const FLUSH = 2
/**
 * Number of a stage that has failed: it starts nothing more, those before it stop, those after it
 * finish what they have.
 */
export const FAIL = 3
/** Whether to announce each call before it begins. */
export const ISOLATE = 4
/** Nothing more is wanted; then the worker ends. Whether calls in flight are to be aborted. */
export const CANCEL = 5
/** A failed item has been told of; counted only where there is a bound for those that have not. */
export const LETTER = 6
/** Number of a stage, and how many of its calls may be in flight in this worker from now on. */
export const RESIZE = 7

// --- worker to main side

/** seq, positions below the input's path, value, whether the input is done with that */
export const OUTPUT = 10
/** seqs of the inputs in it, source, epoch, index, path, value, parts (see {@link BatchPart}) */
export const BATCH = 11
/** seq: nothing of the input is under way any more */
export const DONE = 12
/** seq, positions as text: a part of the input is done that is in a batch */
export const COVERED = 13
/**
 * seqs, positions as text (`undefined` for what came of a batch), number of the stage (the region's
 * own, if a result could not be sent), index, attempts, error, the stage's input
 */
export const FAILED = 14
/** number of the stage, index, error: the stage has failed, and no item's failure did it */
export const STAGE_FAILED = 15
/** All before a {@link FLUSH} is given. */
export const FLUSHED = 16
/** After {@link FAIL}: nothing more will come. */
export const ENDED = 17
/** seqs: a call begins that has something of these inputs */
export const CALLS = 18

/** How many fields follow each code. */
export const FIELDS: { readonly [code: number]: number } = {
  [INPUT]: 7,
  [CREDIT]: 1,
  [FLUSH]: 0,
  [FAIL]: 1,
  [ISOLATE]: 1,
  [CANCEL]: 1,
  [LETTER]: 0,
  [RESIZE]: 2,
  [OUTPUT]: 4,
  [BATCH]: 7,
  [DONE]: 1,
  [COVERED]: 2,
  [FAILED]: 7,
  [STAGE_FAILED]: 3,
  [FLUSHED]: 0,
  [ENDED]: 0,
  [CALLS]: 1,
}

/** A message to a worker. */
export type ToWorker = readonly unknown[]

/** What a worker tells at the end of a turn. */
export interface WorkerReport {
  readonly entries: readonly unknown[]
  /** Messages heard since the beginning. */
  readonly heard: number
  /** Inputs that the first stage has taken since the beginning. */
  readonly taken: number
  /** Results sent since the beginning. */
  readonly given: number
  /** Whether nothing goes on by itself; and whether nothing waits in a queue either. */
  readonly isResting: boolean
  readonly isEmpty: boolean
  /** Milliseconds of work since the beginning. */
  readonly workMs: number
  /**
   * Batches whose parts are given already while others are not: what came of their members could
   * not be made again exactly.
   */
  readonly entangled: number
  /** What the stages have counted since the last report: {@link FIELDS_OF_STAGE} each. */
  readonly counts: readonly number[]
  /**
   * How long their tasks took, as far as that is told with this report: what their histograms have
   * got since it was last told.
   */
  readonly histograms: readonly (readonly number[])[] | undefined
  /**
   * Told with the histograms: the same times by how many calls were under way, as `Levels.news()`
   * gives them.
   */
  readonly levels: readonly (readonly number[])[] | undefined
}

// What is counted of each stage, by its place.
export const TASKS = 0
export const IN_FLIGHT = 1
export const EMITTED = 2
export const SKIPPED = 3
export const RETRIES = 4
export const TIMEOUTS = 5
export const TIMED = 6
export const TIMED_MS = 7
export const LONGEST_MS = 8
export const BUSY_MS = 9
export const BLOCKED_MS = 10
export const SIZE = 11
export const MOST_ITEMS = 12
export const BYTES = 13
export const MOST_BYTES = 14
export const DISCARDED = 15
export const EMPTY_MS = 16
export const FULL_MS = 17
export const QUEUED_TASKS = 18
export const QUEUED_MS = 19
export const BACKOFF_MS = 20
/** Calls that ended without an output; see `Counters.silent`. */
export const SILENT = 21
export const WAITED_MS = 22
/** How long its calls held the worker's loop. */
export const HELD_MS = 23
export const FIELDS_OF_STAGE = 24

/** A part of an input that was joined in a batch. */
export const PART = 0
/** A part that was joined in a batch of which a part was joined in another. */
export const PART_OF_BATCH = 1
/** A part that was joined in a batch of which several results have come. */
export const PART_OF_SEVERAL = 2
export type PartKind = typeof PART | typeof PART_OF_BATCH | typeof PART_OF_SEVERAL

/** seq, kind, and the positions that generators have added to the input's path */
export type BatchPart = readonly [seq: number, kind: PartKind, ...positions: number[]]

/** The first words of a worker: it listens; it is ready for inputs; it cannot be. */
export type WorkerGreeting = 'hello' | 'ready' | { readonly failure: WireError }

/**
 * From a process: number of the stage whose call, which has a time limit, is about to hold it, and
 * the input that the call is about (-1 if there are several); -1 when it holds it no more.
 */
export interface HoldNote {
  readonly holder: number
  readonly seq: number
}

/** Nothing is left to run in the worker, and calls are pending that will never end. */
export interface LoopEndNote {
  /** How many messages it had heard by then. */
  readonly loopEnd: number
  /** Those calls, as `PendingWork` of the engine. */
  readonly pending: readonly {
    readonly stage: string
    readonly where: string | undefined
    readonly items: readonly string[]
    readonly what: string
  }[]
}

export type FromWorker = WorkerGreeting | HoldNote | LoopEndNote | WorkerReport

/**
 * Places of the control block: number of the stage whose call holds the thread, plus one; a count
 * of such calls; the input, as in {@link HoldNote}.
 */
export const HOLDER = 0
export const HOLDS_SO_FAR = 1
export const HELD_SEQ = 2
export const CONTROL_WORDS = 3
