import type { OpReference } from '../../engine/worker-op.ts'
import type { WireError } from '../transport/wire-error.ts'

// The messages between the main side of a region and its workers. Everything that happens in one
// event loop turn is sent in one message: a flat list of entries, each a code and its fields.

/** A stage as plain data. Functions are replaced by references or tables. */
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
  /** The op of `disaggregate()`. */
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
  /** A batch size, or a function that makes the aggregator. */
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

/** What a worker of a region needs to know before its first input. */
export interface RegionPlan {
  readonly stages: readonly StagePlan[]
  readonly init: OpReference | undefined
  /** Argument of `init`. */
  readonly initArgs: unknown
  readonly pipelineId: number
  readonly seed: number
  /** Number of the first stage in the whole pipeline. */
  readonly firstId: number
  /**
   * Maximum number of reported failed items that wait to be passed to the user; `undefined`: they
   * do not wait.
   */
  readonly mostLetters: number | undefined
  /** Whether the bounds of its stages may change. */
  readonly isTuned: boolean
  /** Whether the worker must give its results in the order of its inputs. */
  readonly isOrdered: boolean
}

/** What a worker is started with. */
export interface RegionSetup {
  readonly plan: RegionPlan
  /** Where a thread notes which call blocks it. A process sends messages instead. */
  readonly control: SharedArrayBuffer | undefined
  /** Descriptor of the file in which a process counts. */
  readonly pulse: number | undefined
}

/** The first file descriptor that a process is started with. */
export const PULSE_FD = 4

// --- main side to worker

/** seq, value, source, epoch, index, path, covered */
export const INPUT = 0
/** Number of further results that may be sent. */
export const CREDIT = 1
/** The end of an epoch or of the stream for this worker. */
export const FLUSH = 2
/**
 * Number of a stage that has failed: it starts nothing more, the stages before it stop, and the
 * stages after it finish what they have.
 */
export const FAIL = 3
/** Whether to announce each call before it begins. */
export const ISOLATE = 4
/** Cancels everything; the worker then ends. Field: whether to abort calls in flight. */
export const CANCEL = 5
/** A failed item was passed to the user. Only sent if the number of unanswered ones is bounded. */
export const LETTER = 6
/** Number of a stage, and the new maximum number of its calls in flight in this worker. */
export const RESIZE = 7

// --- worker to main side

/** seq, positions below the input's path, value, whether the input is done with that */
export const RESULT = 10
/** seqs of the inputs in it, source, epoch, index, path, value, parts (see {@link BatchPart}) */
export const BATCH = 11
/** seq: nothing of the input is in progress any more */
export const INPUT_DONE = 12
/** seq, positions as text: a part of the input that is in a batch is done */
export const COVERED = 13
/**
 * seqs, positions as text (`undefined` for a failure in a batch), number of the stage (the region's
 * own, if a result could not be sent), index, attempts, error, the stage's input
 */
export const ITEM_FAILED = 14
/**
 * number of the stage, index, error: the stage has failed, for another reason than a failed item
 */
export const STAGE_FAILED = 15
/** All results before a {@link FLUSH} were given. */
export const FLUSHED = 16
/** After {@link FAIL}: no more results will come. */
export const WORKER_ENDED = 17
/** seqs: a call begins that contains something of these inputs */
export const CALLS = 18

/** Number of fields after each code. */
export const FIELDS: { readonly [code: number]: number } = {
  [INPUT]: 7,
  [CREDIT]: 1,
  [FLUSH]: 0,
  [FAIL]: 1,
  [ISOLATE]: 1,
  [CANCEL]: 1,
  [LETTER]: 0,
  [RESIZE]: 2,
  [RESULT]: 4,
  [BATCH]: 7,
  [INPUT_DONE]: 1,
  [COVERED]: 2,
  [ITEM_FAILED]: 7,
  [STAGE_FAILED]: 3,
  [FLUSHED]: 0,
  [WORKER_ENDED]: 0,
  [CALLS]: 1,
}

/** A message to a worker. */
export type ToWorker = readonly unknown[]

/** What a worker reports at the end of an event loop turn. */
export interface WorkerReport {
  readonly entries: readonly unknown[]
  /** Number of messages received since the beginning. */
  readonly received: number
  /** Number of inputs that the first stage has taken since the beginning. */
  readonly taken: number
  /** Number of results sent since the beginning. */
  readonly given: number
  /** Whether nothing is in progress; and whether the queues are empty too. */
  readonly isResting: boolean
  readonly isEmpty: boolean
  /** Milliseconds of work since the beginning. */
  readonly workMs: number
  /**
   * Number of batches of which some parts were given and others were not: the results of their
   * members could not be reproduced exactly.
   */
  readonly entangled: number
  /** Counts of the stages since the last report: {@link FIELDS_OF_STAGE} each. */
  readonly counts: readonly number[]
  /**
   * Durations of their tasks, if included in this report: the additions to their histograms since
   * they were last included.
   */
  readonly histograms: readonly (readonly number[])[] | undefined
  /**
   * Included with the histograms: the same durations by number of concurrent calls, as
   * `Levels.news()` gives them.
   */
  readonly levels: readonly (readonly number[])[] | undefined
}

// Positions of the counts of each stage.
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
/** Number of calls that ended without an output; see `Counters.silent`. */
export const SILENT = 21
export const WAITED_MS = 22
/** How long its calls blocked the worker's event loop, in milliseconds. */
export const HELD_MS = 23
export const FIELDS_OF_STAGE = 24

/** A part of an input that was joined in a batch. */
export const PART = 0
/** A part that was joined in a batch, of which a part was joined in another. */
export const PART_OF_BATCH = 1
/** A part that was joined in a batch with several results. */
export const PART_OF_SEVERAL = 2
export type PartKind = typeof PART | typeof PART_OF_BATCH | typeof PART_OF_SEVERAL

/** seq, kind, and the positions that generators have added to the input's path */
export type BatchPart = readonly [seq: number, kind: PartKind, ...positions: number[]]

/** The first messages of a worker: it listens; it is ready for inputs; it cannot start. */
export type WorkerGreeting = 'hello' | 'ready' | { readonly failure: WireError }

/**
 * From a process: number of the stage whose call, which has a time limit, is about to block it, and
 * number of the call's input (-1 if there are several). Stage -1: the call has ended.
 */
export interface BlockingNote {
  readonly blockingStage: number
  readonly seq: number
}

/** Nothing is left to run in the worker, and pending calls will never end. */
export interface LoopEndNote {
  /** Number of messages that it had received by then. */
  readonly loopEnd: number
  /** Those calls, as the engine's `PendingWork`. */
  readonly pending: readonly {
    readonly stage: string
    readonly where: string | undefined
    readonly items: readonly string[]
    readonly what: string
  }[]
}

export type FromWorker = WorkerGreeting | BlockingNote | LoopEndNote | WorkerReport

/**
 * Cells of the control block: number of the stage whose call blocks the thread, plus one; number of
 * such calls so far; the input, as in {@link BlockingNote}.
 */
export const BLOCKING_STAGE = 0
export const BLOCKING_CALLS = 1
export const BLOCKING_SEQ = 2
export const CONTROL_WORDS = 3
