import { InfrastructureError } from '../../errors.ts'
import { setImmediate } from '../../timers.ts'

/**
 * What keeps a worker's loop alive while it waits for messages: a thread's port, or a process's
 * channel.
 */
export interface Lifeline {
  ref(): void
  unref(): void
}

/**
 * Has a worker notice that nothing is left to run in it although calls have not ended: a callback
 * was lost, or a promise is never settled. The channel alone would keep its loop alive, and with it
 * the main process, for ever. So while calls are pending the channel does not; when the loop has
 * nothing else left, `tell` is called, and the channel keeps the worker alive again.
 */
export class LoopEnd {
  readonly #lifeline: Lifeline
  readonly #isWaiting: () => boolean
  #isReffed = true
  #isLooking = false
  readonly #look = (): void => {
    this.#isLooking = false
    if (!this.#isReffed || !this.#isWaiting()) return
    this.#isReffed = false
    this.#lifeline.unref()
  }

  /** `isWaiting`: whether calls are pending that only this worker can end. */
  constructor(lifeline: Lifeline, isWaiting: () => boolean, tell: () => void) {
    this.#lifeline = lifeline
    this.#isWaiting = isWaiting
    process.on('beforeExit', () => {
      this.stay()
      if (isWaiting()) tell()
    })
  }

  /** The channel keeps the worker alive again: what it waits for comes from the other side. */
  stay(): void {
    if (this.#isReffed) return
    this.#isReffed = true
    this.#lifeline.ref()
  }

  /**
   * To be called when a message was handled. Looks at the end of the turn: most calls have ended by
   * then.
   */
  heard(): void {
    if (this.#isLooking || !this.#isReffed || !this.#isWaiting()) return
    this.#isLooking = true
    setImmediate(this.#look)
  }
}

/** The channel of a process that was started with one. */
export const processLifeline: Lifeline = {
  ref: () => process.channel?.ref(),
  unref: () => process.channel?.unref(),
}

/**
 * Why a worker never became ready: nothing is left to run in it, and its module or `init` has not
 * ended.
 */
export function neverReady(): InfrastructureError {
  const why =
    'nothing is left to run in the worker, and the loading of its module, or its `init`, has not ended'
  return new InfrastructureError('ERR_WORKER_START', why)
}
