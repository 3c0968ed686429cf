import { Session } from 'node:inspector'
import { CONNECTED, EXITING, type LoopSample } from './watch-protocol.ts'

interface Answer {
  readonly result?: { readonly value?: unknown }
}

/**
 * Requests a sample from the main thread, which answers even in the middle of a synchronous loop:
 * an inspector session evaluates the sampler there. The session lasts only as long as the question,
 * because the process cannot end while one is open. For the same reason, none is opened when the
 * process is about to end.
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

  /** Whether a question is pending, or its answer has not been taken. */
  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /**
   * Asks a question. Returns whether that was possible. Only one question may be open at a time.
   */
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
      // Answers interrupt this thread between any two instructions, as questions interrupt the
      // other thread. So this callback only stores the answer.
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

  /** Takes the answer when it has arrived. `sample` is `undefined` if none was possible. */
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
