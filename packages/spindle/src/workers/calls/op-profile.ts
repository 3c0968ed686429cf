import { FIELDS_OF_BUSY } from './call-protocol.ts'

/** What a pool has learnt about an op from its calls. */
export interface OpProfile {
  /** Whether it takes no context. */
  isContextFree: boolean
  /** Whether it is a generator. */
  isGenerator: boolean
  /** Moving average of how long it blocks its worker, in milliseconds. */
  ms: number | undefined
  /** Moving averages of the bytes in the buffers of its items and of its results. */
  itemBytes: number
  resultBytes: number
}

/** What a pool has learnt about its ops, by their numbers. */
export class OpProfiles {
  readonly #profiles: OpProfile[] = []

  of(op: number): OpProfile {
    let profile = this.#profiles[op]
    if (profile === undefined) {
      profile = {
        isContextFree: false,
        isGenerator: false,
        ms: undefined,
        itemBytes: 0,
        resultBytes: 0,
      }
      this.#profiles[op] = profile
    }
    return profile
  }

  /** `busy`, `bytes`: see `ResultMessage`. */
  learn(
    busy: readonly number[] = none,
    contextFree: readonly number[] = none,
    bytes: readonly [transferred: number, copied: number] = noBytes,
  ): void {
    for (const op of contextFree) this.of(op).isContextFree = true
    // The bytes are those of a whole message, which mostly has results of one op.
    if (busy.length === FIELDS_OF_BUSY) {
      const profile = this.of(busy[0] as number)
      const each = (bytes[0] + bytes[1]) / (busy[1] as number)
      profile.resultBytes += (each - profile.resultBytes) / BYTES_PART
    }
    for (let at = 0; at < busy.length; at += FIELDS_OF_BUSY) {
      const profile = this.of(busy[at] as number)
      const calls = busy[at + 1] as number
      const ms = (busy[at + 2] as number) / calls
      const known = profile.ms ?? ms
      profile.ms = known + Math.min(1, calls / 8) * (ms - known)
    }
  }

  /** Learns the bytes in the buffers of an item. */
  learnItem(op: number, bytes: number): void {
    const profile = this.of(op)
    profile.itemBytes += (bytes - profile.itemBytes) / BYTES_PART
  }
}

/** Share of a new size in a moving average of sizes: one in so many. */
const BYTES_PART = 4
const none: readonly number[] = []
const noBytes = [0, 0] as const
