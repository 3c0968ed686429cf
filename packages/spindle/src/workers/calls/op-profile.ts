import { FIELDS_OF_BUSY } from './call-protocol.ts'

/** What a pool has learnt about an op from its calls. */
interface OpProfile {
  /** Whether it takes no context. */
  isContextFree: boolean
  /** Whether it is a generator. */
  isGenerator: boolean
  /** Moving average of how long it blocks its worker, in milliseconds. */
  ms: number | undefined
}

/** What a pool has learnt about its ops, by their numbers. */
export class OpProfiles {
  readonly #profiles: OpProfile[] = []

  of(op: number): OpProfile {
    let profile = this.#profiles[op]
    if (profile === undefined) {
      profile = { isContextFree: false, isGenerator: false, ms: undefined }
      this.#profiles[op] = profile
    }
    return profile
  }

  /** `busy`: see `ResultMessage`. */
  learn(busy: readonly number[] = none, contextFree: readonly number[] = none): void {
    for (const op of contextFree) this.of(op).isContextFree = true
    for (let at = 0; at < busy.length; at += FIELDS_OF_BUSY) {
      const profile = this.of(busy[at] as number)
      const calls = busy[at + 1] as number
      const ms = (busy[at + 2] as number) / calls
      const known = profile.ms ?? ms
      profile.ms = known + Math.min(1, calls / 8) * (ms - known)
    }
  }
}

const none: readonly number[] = []
