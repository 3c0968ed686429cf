import { Session } from 'node:inspector'
import { CONNECTED, EXITING, type LoopSample } from './watch-protocol.ts'

interface Answer {
  readonly result?: { readonly value?: unknown }
}

/**
 * Asks the main thread for a sample, which it gives even in the middle of a loop: an inspector
 * session evaluates the sampler there. The session lasts no longer than the question, for the
 * process cannot end while one is open; nor is one opened when it is about to.
 *
 *   IDLE --ask()--> WAITING --the answer arrives--> ANSWERED --take()--> IDLE
 */
export class LoopQuestion {
  readonly #expression: string
  readonly #control: Int32Array
  #session: Session | undefined
  #answer: { readonly value: unknown } | undefined

  constructor(expression: string, control: Int32Array) {
    this.#expression = expression
    this.#control = control
  }

  /** Whether a question is on its way, or its answer not taken. */
  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /** Whether the question could be asked; there is one at a time. */
  ask(): boolean {
    Atomics.store(this.#control, CONNECTED, 1)
    if (Atomics.load(this.#control, EXITING) === 1) {
      this.#disconnected()
      return false
    }
    const session = new Session()
    const question = { expression: this.#expression, returnByValue: true, silent: true }
    this.#answer = undefined
    try {
      session.connectToMainThread()
      // Answers interrupt this thread as questions do the other: between any two instructions. So
      // this only notes what it says.
      session.post('Runtime.evaluate', question, (_: Error | null, answer?: Answer) => {
        this.#answer = { value: answer?.result?.value }
      })
    } catch {
      session.disconnect()
      this.#disconnected()
      return false
    }
    this.#session = session
    return true
  }

  /** The answer, once it is there: a sample, or `undefined` if none could be had. */
  take(): { readonly sample: LoopSample | undefined } | undefined {
    const answer = this.#answer
    if (this.#session === undefined || answer === undefined) return undefined
    this.#session.disconnect()
    this.#session = undefined
    this.#disconnected()
    const { value } = answer
    return { sample: typeof value === 'string' ? (JSON.parse(value) as LoopSample) : undefined }
  }

  #disconnected(): void {
    Atomics.store(this.#control, CONNECTED, 0)
    Atomics.notify(this.#control, CONNECTED)
  }
}
