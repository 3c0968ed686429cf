import { toWire } from '../wire-error.ts'
import type { Carrier } from './carrier.ts'
import type { WorkerControl } from './control.ts'
import { FIELDS_OF_BUSY, FIELDS_OF_RESULT, type ResultMessage, THREW, VALUE_OF_RESULT } from './protocol.ts'

/** Results that a worker has not sent yet. They leave together: at the end of a turn, or when the first has waited a millisecond. */
export class Outbox {
  readonly blind: number[] = []
  readonly #carrier: Carrier
  readonly #control: WorkerControl
  #results: unknown[] = []
  /** The values as they were given, for finding out which one cannot be sent. */
  #values: unknown[] = []
  #parts: number[] = []
  #busy: number[] = []

  constructor(carrier: Carrier, control: WorkerControl) {
    this.#carrier = carrier
    this.#control = control
  }

  /** Whether there is anything to tell. */
  get isEmpty(): boolean {
    return this.#results.length === 0 && this.#busy.length === 0 && this.blind.length === 0
  }

  /** Notes that a call has held the worker. */
  held(op: number, ms: number): void {
    const busy = this.#busy
    // Ops take turns seldom within one message, so most calls add to the last entry.
    const last = busy.length - FIELDS_OF_BUSY
    if (busy[last] === op) {
      busy[last + 1] = (busy[last + 1] as number) + 1
      busy[last + 2] = (busy[last + 2] as number) + ms
    } else busy.push(op, 1, ms)
  }

  /** `part`: which of the slot's outputs it is. */
  value(slot: number, kind: number, value: unknown, part = 0): void {
    let packed: unknown
    try {
      packed = this.#carrier.pack(value, this.#results.length + VALUE_OF_RESULT, slot, part)
    } catch (error) {
      this.error(slot, error)
      return
    }
    this.#push(slot, kind, packed, value, part)
  }

  error(slot: number, thrown: unknown): void {
    this.#push(slot, THREW, toWire(thrown), undefined, 0)
  }

  mark(slot: number, kind: number): void {
    this.#push(slot, kind, undefined, undefined, 0)
  }

  #push(slot: number, kind: number, packed: unknown, value: unknown, part: number): void {
    this.#results.push(slot, kind, packed)
    this.#values.push(value)
    this.#parts.push(part)
  }

  flush(): void {
    if (this.isEmpty) return
    this.#control.settle()
    const [results, values, parts] = [this.#results, this.#values, this.#parts]
    const busy = this.#busy
    const blind = this.blind.splice(0)
    this.#results = []
    this.#values = []
    this.#parts = []
    this.#busy = []
    try {
      this.#carrier.send(this.#message(results, busy, blind))
    } catch {
      this.#carrier.send(this.#message([], busy, blind))
      this.#sendOneByOne(results, values, parts)
    }
  }

  /** Something in a message cannot be sent: finds out what, and sends the rest. */
  #sendOneByOne(results: readonly unknown[], values: readonly unknown[], parts: readonly number[]): void {
    values.forEach((value, i) => {
      const result = results.slice(i * FIELDS_OF_RESULT, (i + 1) * FIELDS_OF_RESULT)
      if (result[1] === THREW) {
        this.#carrier.send(this.#message(result))
        return
      }
      const slot = result[0] as number
      const pack = (): unknown => this.#carrier.pack(value, VALUE_OF_RESULT, slot, parts[i] as number)
      try {
        result[VALUE_OF_RESULT] = pack()
        this.#carrier.send(this.#message(result))
      } catch {
        // Some buffers can be cloned and not given away, those of WebAssembly among them.
        try {
          result[VALUE_OF_RESULT] = pack()
          this.#carrier.send(this.#message(result), false)
        } catch (error) {
          const failure = toWire(this.#carrier.whyNot(value, 'result', error))
          this.#carrier.send(this.#message([slot, THREW, failure]))
        }
      }
    })
  }

  #message(
    results: readonly unknown[],
    busy: readonly number[] = [],
    blind: readonly number[] = [],
  ): ResultMessage {
    const { tally } = this.#carrier
    const bytes = [tally.transferredBytes, tally.copiedBytes] as const
    tally.transferredBytes = 0
    tally.copiedBytes = 0
    return { results, busy, blind, bytes }
  }
}
