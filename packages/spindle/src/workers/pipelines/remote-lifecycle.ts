import { onAbort as whenAborted } from '../../abort-signals.ts'
import type { StopOptions } from '../../engine/run/pipeline.ts'
import type { StopMode } from '../../engine/run/stop.ts'
import { InfrastructureError, messageOf, TimeoutError } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import type { PipelineChannel } from './pipeline-channel.ts'
import type { RemoteMessage } from './pipeline-protocol.ts'
import { fromWireFailure } from './wire-failure.ts'

/**
 * How much longer than the pipeline's own limit a thread or process may take to end, in
 * milliseconds.
 */
const GRACE_MS = 1000
/** How long to wait for calls in flight by default, in milliseconds; the same as for pipelines. */
const LIMIT_MS = { drain: Number.POSITIVE_INFINITY, discard: 10_000, abort: 1000 } as const

/**
 * How a remote pipeline ends.
 *
 *   OPEN --stop(), signal, forgotten--> STOPPING --'stopped'--> COMPLETE --its thread ends--> GONE
 *     '----'failed', 'died'-------------------------------------> FAILED --its thread ends--> GONE
 *
 * A thread or process that does not end in time is terminated.
 */
export class RemoteLifecycle {
  readonly #channel: PipelineChannel
  readonly #what: string
  readonly #onAwaited: () => void
  readonly #done: Deferred = new Deferred()
  readonly #ready: Deferred = new Deferred()
  readonly #stopped: Deferred = new Deferred()
  /** Nothing more will arrive. */
  isComplete = false
  #failure: { readonly reason: unknown } | undefined
  #stopError: unknown
  #isGone = false
  /** It was asked to stop, so the loss of its remaining items does not matter. */
  #isDispensable = false
  /** Number of pending promises of `stop()` and `start()`. */
  #awaiting = 0
  #grace: Timer | undefined
  #leave: () => void = () => {}

  /** `onAwaited`: called when {@link isAwaited} has changed. */
  constructor(channel: PipelineChannel, what: string, onAwaited: () => void) {
    this.#channel = channel
    this.#what = what
    this.#onAwaited = onAwaited
  }

  /** Rejects with the error that ended it; resolves after a stop. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Whether a caller waits for its beginning or end. */
  get isAwaited(): boolean {
    return this.#awaiting > 0
  }

  /** Listens to the user's signal. `onAbort` must inform everyone who waits. */
  watch(signal: AbortSignal | undefined, onAbort: () => void): void {
    if (signal === undefined) return
    const abort = (): void => {
      if (this.isComplete) return
      this.#fail(signal.reason)
      onAbort()
      this.abandon()
    }
    if (signal.aborted) abort()
    else this.#leave = whenAborted(signal, abort)
  }

  /**
   * Resolves when the module has been loaded.
   *
   * @throws the error that ended it.
   */
  async ready(): Promise<void> {
    await this.#await(this.#ready.promise)
    this.throwFailure()
  }

  /** @throws the error that ended it, unless it was stopped. */
  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  onMessage(message: RemoteMessage): void {
    if (message.kind === 'ready') this.#ready.resolve()
    else if (message.kind === 'failed') this.#fail(fromWireFailure(message.failure))
    else if (message.kind === 'died') {
      if (this.#isDispensable) this.isComplete = true
      else
        this.#died(
          message.how,
          message.error === undefined ? undefined : fromWireFailure(message.error),
        )
    } else if (message.kind === 'stopped') {
      if (message.error !== undefined) this.#stopError = fromWireFailure(message.error)
      this.isComplete = true
    }
  }

  /** Handles the exit event of the thread. */
  gone(exitCode: number, error: unknown): void {
    this.#isGone = true
    clearTimeout(this.#grace)
    this.#leave()
    if (!this.isComplete && !this.#isDispensable) this.#died(`exit code ${exitCode}`, error)
    this.isComplete = true
    this.#done.resolve()
    this.#ready.resolve()
    this.#stopped.resolve()
  }

  /** A blocked consumer found that the thread has ended without a last message. */
  vanished(): void {
    if (this.#isDispensable) this.isComplete = true
    else
      this.#died(
        'it ended without a word, as it does when it is out of memory or terminated',
        undefined,
      )
  }

  #died(how: string, cause: unknown): void {
    const why = cause === undefined ? '' : `: ${messageOf(cause)}`
    const message = `${this.#what} died (${how})${why}`
    this.#fail(
      new InfrastructureError('ERR_WORKER_DIED', message, cause === undefined ? {} : { cause }),
    )
  }

  #fail(reason: unknown): void {
    if (this.isComplete) return
    this.isComplete = true
    this.#failure = { reason }
    this.#done.reject(reason)
    this.#ready.reject(reason)
    this.#giveTime('abort', undefined)
  }

  /** Stops it and waits until it has ended. */
  async stop({ mode = 'abort', timeoutMs }: StopOptions): Promise<void> {
    if (!this.#isGone) {
      this.#sendStop(mode, timeoutMs)
      await this.#await(this.#stopped.promise)
    }
    const error = this.#stopError
    this.#stopError = undefined
    if (error !== undefined) throw error
  }

  /** Stops it without waiting. */
  abandon(): void {
    if (!this.#isGone) this.#sendStop('abort', undefined)
  }

  #sendStop(mode: StopMode, timeoutMs: number | undefined): void {
    // With `drain`, items are still to come.
    this.#isDispensable ||= mode !== 'drain'
    this.#channel.post({ kind: 'stop', mode, timeoutMs })
    this.#giveTime(mode, timeoutMs)
  }

  /** The thread or process is terminated after the pipeline's time limit plus a grace time. */
  #giveTime(mode: StopMode, timeoutMs: number | undefined): void {
    clearTimeout(this.#grace)
    const limitMs = timeoutMs ?? LIMIT_MS[mode]
    if (limitMs === Number.POSITIVE_INFINITY || this.#isGone) return
    // If `drain` or `discard` takes too long, an abort follows.
    const abortMs = mode === 'abort' ? 0 : LIMIT_MS.abort
    this.#grace = setTimeout(
      () => {
        if (mode !== 'abort')
          this.#stopError = new TimeoutError(
            `stop({ mode: '${mode}' }) took longer than \`timeoutMs\` ${limitMs}: ${this.#what} does not answer`,
          )
        this.#isDispensable = true
        this.#channel.kill()
      },
      limitMs + abortMs + GRACE_MS,
    )
    // Unreferenced: a caller that waits for the end keeps the channel, and so the process, alive.
    this.#grace.unref()
  }

  async #await(promise: Promise<void>): Promise<void> {
    this.#awaiting++
    this.#onAwaited()
    try {
      await promise
    } finally {
      this.#awaiting--
      this.#onAwaited()
    }
  }
}

/** A promise that is settled from outside. It causes no unhandled rejection. */
class Deferred {
  readonly promise: Promise<void>
  resolve!: () => void
  reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => {})
  }
}
