import { FIELDS_OF_BUSY } from './call-protocol.ts'

/** What a pool has learnt about an op from its calls. */
interface OpProfile {
  /** Whether it takes no context. */
  isBlind: boolean
  /** Whether it is a generator. */
  isGenerator: boolean
  /** Moving average of how long it blocks its worker, in milliseconds. */
  ms: number | undefined
}

/** What a pool has learnt about its ops, by their numbers. */
export class OpProfiles {
  readonly #facts: OpProfile[] = []

  of(op: number): OpProfile {
    let facts = this.#facts[op]
    if (facts === undefined) {
      facts = { isBlind: false, isGenerator: false, ms: undefined }
      this.#facts[op] = facts
    }
    return facts
  }

  /** `busy`: see `ResultMessage`. */
  learn(busy: readonly number[] = none, contextFree: readonly number[] = none): void {
    for (const op of contextFree) this.of(op).isBlind = true
    for (let at = 0; at < busy.length; at += FIELDS_OF_BUSY) {
      const facts = this.of(busy[at] as number)
      const calls = busy[at + 1] as number
      const ms = (busy[at + 2] as number) / calls
      const known = facts.ms ?? ms
      facts.ms = known + Math.min(1, calls / 8) * (ms - known)
    }
  }
}

const none: readonly number[] = []
