import type { ResourceLimits } from 'node:worker_threads'
import { InfrastructureError, messageOf, TimeoutError } from '../../errors.ts'
import { clearTimeout, queueMicrotask, setTimeout, type Timer } from '../../timers.ts'
import { notTransferable, toProcess } from '../transport/not-transferable.ts'
import { copyLater, pack } from '../transport/pack.ts'
import { walk } from '../transport/walk-value.ts'
import type { WorkerExit } from '../transport/watch-worker.ts'
import { fromWire } from '../transport/wire-error.ts'
import { HangDetector, type HangLimits, type HangOwner } from './hang-detector.ts'
import { InFlightWindow } from './in-flight-window.ts'
import { openRegionChannel, type RegionChannel } from './region-channel.ts'
import {
  CANCEL,
  CONTROL_WORDS,
  CREDIT,
  FAIL,
  FIELDS,
  FLUSH,
  type FromWorker,
  INPUT,
  ISOLATE,
  LETTER,
  type LoopEndNote,
  PULSE_FD,
  RESIZE,
  type RegionPlan,
  type WorkerReport,
} from './region-protocol.ts'

/** Receives the events of a worker of a region. */
export interface RegionWorkerOwner {
  /** A worker can take inputs. */
  workerReady(worker: RegionWorker): void
  onReport(worker: RegionWorker, report: WorkerReport): void
  /** An input that could not be sent. */
  inputRefused(seq: number, error: unknown): void
  workerEnded(worker: RegionWorker, exit: RegionWorkerExit): void
}

export interface RegionWorkerExit {
  readonly how: string
  readonly error: unknown
  /** Why it never became ready or cannot work, if so. */
  readonly startFailure: StartFailure | undefined
  /**
   * Set if it was terminated because a call blocked it for too long: the stage, and the input (-1
   * if there were several).
   */
  readonly hang:
    | { readonly stage: number; readonly seq: number; readonly error: TimeoutError }
    | undefined
}

export interface StartFailure {
  readonly error: InfrastructureError
  /** Whether another worker would fail in the same way. */
  readonly isFinal: boolean
}

/** An input in the form that a worker gets. */
export interface WorkerInput {
  readonly seq: number
  readonly value: unknown
  readonly source: number
  readonly epoch: number
  readonly index: number
  /** Positions among the outputs of generators, outermost first; `undefined` for none. */
  readonly path: readonly number[] | undefined
  /** The parts of it that must not be given again. */
  readonly covered: readonly string[] | undefined
}

/** How long a worker may take to end after it was asked to, in milliseconds. */
const GRACE_MS = 1000

export interface RegionWorkerOptions {
  readonly kind: 'thread' | 'process'
  readonly resourceLimits: ResourceLimits | undefined
  readonly plan: RegionPlan
  readonly limits: HangLimits
}

/**
 * The main side of one worker of a region.
 *
 *   STARTING --'ready'--> READY --cancel()--> CLOSING --> GONE
 *       '--- cannot, is killed, exits ---'----------------'
 */
export class RegionWorker implements HangOwner {
  isReady = false
  isClosing = false
  /** Whether no more results will come, because a stage in it has failed. */
  hasEnded = false
  /** Whether it got an input since its last flush. */
  isDirty = false
  isFlushing = false
  /** See `WorkerReport`. */
  isResting = true
  isEmpty = true
  entangled = 0
  /** Inputs that it has and that are not done. */
  readonly unfinished: Set<number> = new Set()
  /** Whether it announces calls; and the inputs whose processing continues, as far as known. */
  isIsolating = false
  readonly moving: Set<number> = new Set()
  readonly #owner: RegionWorkerOwner
  readonly #options: RegionWorkerOptions
  readonly #channel: RegionChannel
  readonly #control: SharedArrayBuffer | undefined
  readonly #watch: HangDetector
  readonly #inputs: InFlightWindow = new InFlightWindow()
  readonly #results: InFlightWindow = new InFlightWindow()
  #outgoing: unknown[] = []
  #transfers: Set<ArrayBuffer> = new Set()
  #isSending = false
  #isReffed = true
  #sent = 0
  /** Number of messages sent, and number of them that the worker has received. */
  #posted = 0
  #received = 0
  #taken = 0
  #granted = 0
  #placed = 0
  #grace: Timer | undefined
  #startFailure: StartFailure | undefined
  #hang: RegionWorkerExit['hang']
  #loopEnd: LoopEndNote | undefined

  constructor(owner: RegionWorkerOwner, options: RegionWorkerOptions) {
    this.#owner = owner
    this.#options = options
    this.#control =
      options.kind === 'thread'
        ? new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT)
        : undefined
    this.#watch = new HangDetector(options.limits, this.#control, this)
    this.#channel = openRegionChannel(options.kind, options.resourceLimits, {
      onMessage: (message) => this.#onMessage(message),
      ended: (exit) => this.#ended(exit),
    })
  }

  /** Number of sent inputs that its first stage has not begun. */
  get waiting(): number {
    return this.#sent - this.#taken
  }

  /** Whether it can take another input. */
  get hasRoom(): boolean {
    return this.isReady && !this.isClosing && !this.hasEnded && this.waiting < this.#inputs.window
  }

  /** Whether work is in progress in it or on its way to it. */
  get isBusy(): boolean {
    return (
      !this.isReady ||
      this.isClosing ||
      this.isFlushing ||
      this.#posted > this.#received ||
      this.#isSending ||
      !this.isResting
    )
  }

  give(input: WorkerInput): void {
    this.#sent++
    this.isDirty = true
    this.isEmpty = false
    this.unfinished.add(input.seq)
    let value: unknown
    try {
      value = this.#packed(input.value, this.#transfers)
    } catch (error) {
      this.#refuse(input.seq, input.value, error)
      return
    }
    const { seq, source, epoch, index, path, covered } = input
    this.#push(INPUT, seq, value, source, epoch, index, path, covered)
  }

  /** One of its results has got its place on the main side. */
  resultPlaced(): void {
    this.#placed++
    this.topUp()
  }

  /** The report of one of its failed items is being passed to the user. */
  letterSent(): void {
    if (this.#options.plan.mostLetters === undefined || this.isClosing) return
    this.#push(LETTER)
  }

  /** Grants it more results when it has room for them. */
  topUp(): void {
    const { window } = this.#results
    const missing = window - (this.#granted - this.#placed)
    if (missing < Math.max(1, window >> 2)) return
    this.#granted += missing
    this.#push(CREDIT, missing)
  }

  /** Grants it additional results beyond its window. */
  relieve(): void {
    this.#granted += this.#results.window
    this.#push(CREDIT, this.#results.window)
  }

  flush(): void {
    this.isDirty = false
    this.isFlushing = true
    this.#push(FLUSH)
  }

  flushed(): void {
    this.isFlushing = false
  }

  setIsolating(isIsolating: boolean): void {
    this.moving.clear()
    if (isIsolating !== this.isIsolating) this.#push(ISOLATE, isIsolating)
    this.isIsolating = isIsolating
  }

  /** Sets the maximum number of calls in flight of a stage in this worker. */
  resizeStage(stage: number, concurrency: number): void {
    if (!this.isClosing) this.#push(RESIZE, stage, concurrency)
  }

  /** A stage has failed, in this worker or in another one. */
  failStage(stage: number): void {
    this.#push(FAIL, stage)
  }

  /**
   * Asks it to end. With `abort`, calls in flight are aborted, and it is killed if it does not end
   * in time.
   */
  cancel(abort: boolean): void {
    if (!this.isClosing || abort) this.#push(CANCEL, abort)
    this.isClosing = true
    if (abort) this.#grace ??= setTimeout(() => this.#channel.kill(), GRACE_MS)
    this.#updateRef()
  }

  #push(...entry: unknown[]): void {
    for (const field of entry) this.#outgoing.push(field)
    // Nothing is sent before it is ready. The entries gathered by then leave with the first
    // message.
    if (this.#isSending || !this.isReady) return
    this.#isSending = true
    queueMicrotask(() => this.#send())
  }

  #send(): void {
    this.#isSending = false
    const entries = this.#outgoing
    const transfers = [...this.#transfers]
    this.#outgoing = []
    this.#transfers = new Set()
    try {
      this.#channel.post(entries, transfers)
      if (!this.owes) this.#watch.alive()
      this.#posted++
    } catch {
      for (let at = 0; at < entries.length; ) {
        const end = at + 1 + (FIELDS[entries[at] as number] as number)
        this.#sendAlone(entries.slice(at, end))
        at = end
      }
    }
    this.#updateRef()
  }

  /** Sends one entry of a message that cannot be sent as a whole. */
  #sendAlone(entry: unknown[]): void {
    const transfers = new Set<ArrayBuffer>()
    try {
      if (entry[0] === INPUT) entry[2] = this.#packed(entry[2], transfers)
      this.#channel.post(entry, [...transfers])
      this.#posted++
    } catch (error) {
      this.#refuse(entry[1] as number, entry[2], error)
    }
  }

  /** An item in the form that is sent. The main side keeps its own. */
  #packed(value: unknown, transfers: Set<ArrayBuffer>): unknown {
    if (this.#options.kind === 'thread') return pack(value, transfers, copyLater)
    if (typeof value === 'object' && value !== null) walk(value)
    return value
  }

  #refuse(seq: number, value: unknown, cause: unknown): void {
    this.#sent--
    this.unfinished.delete(seq)
    const border = this.#options.kind === 'process' ? toProcess : undefined
    this.#owner.inputRefused(seq, notTransferable(value, 'item', cause, border))
  }

  #onMessage(message: FromWorker): void {
    this.#watch.alive()
    if (message === 'hello') this.#setUp()
    else if (message === 'ready') this.#began()
    else if ('failure' in message) {
      this.#startFailure = startFailure(fromWire(message.failure), true)
      this.#channel.kill()
    } else if ('blockingStage' in message) this.#watch.onNote(message)
    else if ('loopEnd' in message) this.#onLoopEnd(message)
    else this.#onReport(message)
  }

  #setUp(): void {
    const { plan } = this.#options
    const { pulse } = this.#channel
    this.#watch.pulse = pulse
    try {
      walk(plan)
      this.#channel.post({ plan, control: this.#control, pulse: pulse && PULSE_FD }, [])
    } catch (error) {
      this.#startFailure = startFailure(notTransferable(plan, 'region', error), true)
      this.#channel.kill()
    }
  }

  #began(): void {
    this.isReady = true
    this.#watch.start()
    this.topUp()
    this.#updateRef()
    this.#owner.workerReady(this)
  }

  #onLoopEnd(note: LoopEndNote): void {
    this.#loopEnd = note
    this.#updateRef()
  }

  /** Calls in it that will never end, once nothing is left to run there. */
  get pendingWork(): LoopEndNote['pending'] {
    return this.#isAtLoopEnd ? (this.#loopEnd as LoopEndNote).pending : []
  }

  /** Whether it sends nothing more unless it gets a message that it has not received yet. */
  get #isAtLoopEnd(): boolean {
    return this.#loopEnd?.loopEnd === this.#posted && !this.#isSending && !this.isClosing
  }

  #onReport(report: WorkerReport): void {
    this.#loopEnd = undefined
    this.#received = report.received
    this.#taken = report.taken
    this.isResting = report.isResting
    this.isEmpty = report.isEmpty && this.#posted === report.received && !this.#isSending
    this.entangled = report.entangled
    this.#inputs.update(report.taken, report.workMs)
    this.#results.update(report.given, report.workMs)
    this.#owner.onReport(this, report)
    this.#updateRef()
  }

  /**
   * Whether the worker should send something: a report for the messages it got, or the progress of
   * its calls.
   */
  get owes(): boolean {
    return this.#posted > this.#received || !this.isResting
  }

  hangs(stage: number, seq: number, limitMs: number): void {
    const message = `a call held its worker longer than \`timeoutMs\` ${limitMs}`
    this.#hang ??= { stage, seq, error: new TimeoutError(message) }
    this.#channel.kill()
  }

  /**
   * A worker keeps the process alive only while it has work in progress, and while it starts or
   * ends.
   */
  #updateRef(): void {
    const isReffed = this.isBusy && !this.#isAtLoopEnd
    if (isReffed === this.#isReffed) return
    this.#isReffed = isReffed
    this.#channel.setRef(isReffed)
  }

  #ended({ how, error }: WorkerExit): void {
    clearTimeout(this.#grace)
    this.#watch.stop()
    const wasReady = this.isReady
    this.isReady = false
    this.isClosing = true
    const startFailure =
      this.#startFailure ??
      (wasReady
        ? undefined
        : {
            error: cannotStart(error === undefined ? how : messageOf(error), error),
            isFinal: false,
          })
    this.#owner.workerEnded(this, { how, error, startFailure, hang: this.#hang })
  }
}

/** `isFinal`: the worker reported it itself. */
export function startFailure(error: unknown, isFinal = false): StartFailure {
  const isKnown = error instanceof InfrastructureError
  return {
    error: isKnown ? error : cannotStart(messageOf(error), error),
    isFinal: isFinal || isKnown,
  }
}

function cannotStart(why: string, cause: unknown): InfrastructureError {
  return new InfrastructureError(
    'ERR_WORKER_START',
    `a worker of the region cannot be started: ${why}`,
    {
      cause,
    },
  )
}
