import { InfrastructureError } from '../../errors.ts'
import { isDeno } from '../../runtime.ts'
import { setImmediate } from '../../timers.ts'

/**
 * What keeps a worker's event loop alive while it waits for messages: a thread's port, or a
 * process's channel.
 */
export interface Lifeline {
  ref(): void
  unref(): void
}

/**
 * Detects that nothing is left to run in a worker although calls have not ended: a callback was
 * lost, or a promise is never settled. The channel would keep the worker's event loop, and so the
 * main process, alive forever. So the channel is unreferenced while calls are pending. When the
 * event loop has nothing else left, `onLoopEnd` is called, and the channel keeps the worker alive
 * again.
 */
export class LoopEnd {
  readonly #lifeline: Lifeline
  readonly #isWaiting: () => boolean
  #isReffed = true
  #isLooking = false
  readonly #look = (): void => {
    this.#isLooking = false
    if (!this.#isReffed || !this.#isWaiting() || isDeno) return
    this.#isReffed = false
    this.#lifeline.unref()
  }

  /** `isWaiting`: whether calls are pending that only this worker can end. */
  constructor(lifeline: Lifeline, isWaiting: () => boolean, onLoopEnd: () => void) {
    this.#lifeline = lifeline
    this.#isWaiting = isWaiting
    process.on('beforeExit', () => {
      this.stay()
      if (isWaiting()) onLoopEnd()
    })
  }

  /** References the channel again: what the worker waits for comes from the other side. */
  stay(): void {
    if (this.#isReffed) return
    this.#isReffed = true
    this.#lifeline.ref()
  }

  /**
   * Must be called after each message. Checks at the end of the turn, because most calls have ended
   * by then.
   */
  checkSoon(): void {
    if (this.#isLooking || !this.#isReffed || !this.#isWaiting()) return
    this.#isLooking = true
    setImmediate(this.#look)
  }
}

/** The channel of a process that was started with one. */
export const processLifeline: Lifeline = {
  ref: () => process.channel?.ref?.(),
  unref: () => process.channel?.unref?.(),
}

/**
 * The error of a worker that never became ready: nothing is left to run in it, and its module or
 * `init` has not ended.
 */
export function neverReady(): InfrastructureError {
  const why =
    'nothing is left to run in the worker, and the loading of its module, or its `init`, has not ended'
  return new InfrastructureError('ERR_WORKER_START', why)
}
