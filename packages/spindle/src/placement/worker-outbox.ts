import type { MessagePort } from 'node:worker_threads'
import { notTransferable } from './not-transferable.ts'
import { pack } from './pack.ts'
import { FIELDS_OF_BUSY, FIELDS_OF_RESULT, OK, type ResultMessage, THREW } from './protocol.ts'
import { toWire } from './wire-error.ts'

/** Results that a worker has not sent yet. They leave together: at the end of a turn, or when the first has waited a millisecond. */
export class Outbox {
  readonly blind: number[] = []
  readonly #port: MessagePort
  #results: unknown[] = []
  #busy: number[] = []
  #transfers: Set<ArrayBuffer> = new Set()

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** Whether there is anything to tell. */
  get isEmpty(): boolean {
    return this.#results.length === 0 && this.#busy.length === 0 && this.blind.length === 0
  }

  /** Notes that a call has held the thread. */
  held(op: number, ms: number): void {
    const busy = this.#busy
    // Ops take turns seldom within one message, so most calls add to the last entry.
    const last = busy.length - FIELDS_OF_BUSY
    if (busy[last] === op) {
      busy[last + 1] = (busy[last + 1] as number) + 1
      busy[last + 2] = (busy[last + 2] as number) + ms
    } else busy.push(op, 1, ms)
  }

  value(slot: number, value: unknown): void {
    let packed: unknown
    try {
      packed = pack(value, this.#transfers, true)
    } catch (error) {
      this.error(slot, error)
      return
    }
    this.#results.push(slot, OK, packed)
  }

  error(slot: number, thrown: unknown): void {
    this.#results.push(slot, THREW, toWire(thrown))
  }

  mark(slot: number, status: number): void {
    this.#results.push(slot, status, undefined)
  }

  flush(): void {
    if (this.isEmpty) return
    const results = this.#results
    const busy = this.#busy
    const blind = this.blind.splice(0)
    const transfers = [...this.#transfers]
    this.#results = []
    this.#transfers = new Set()
    this.#busy = []
    try {
      this.#post({ results, busy, blind }, transfers)
    } catch {
      this.#post({ results: [], busy, blind }, [])
      this.#oneByOne(results)
    }
  }

  /** Something in a batch cannot be sent: finds out what, and sends the rest. */
  #oneByOne(results: readonly unknown[]): void {
    for (let at = 0; at < results.length; at += FIELDS_OF_RESULT) {
      const result = results.slice(at, at + FIELDS_OF_RESULT)
      const transfers = new Set<ArrayBuffer>()
      const send = (given: readonly ArrayBuffer[]): void =>
        this.#post({ results: result, busy: [], blind: [] }, given)
      try {
        pack(result[2], transfers, true)
        send([...transfers])
      } catch {
        // Some buffers can be cloned and not given away, those of WebAssembly among them.
        try {
          send([])
        } catch (error) {
          const failure = toWire(notTransferable(result[2], 'result', error))
          this.#post({ results: [result[0], THREW, failure], busy: [], blind: [] }, [])
        }
      }
    }
  }

  #post(message: ResultMessage, transfers: readonly ArrayBuffer[]): void {
    this.#port.postMessage(message, transfers)
  }
}
