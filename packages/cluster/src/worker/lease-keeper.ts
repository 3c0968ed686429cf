import type { Lease, Ledger } from '../contract/ledger.ts'
import type { ShardCommit } from '../contract/progress.ts'
import { isLeaseLost } from '../errors.ts'
import { patiently } from './patience.ts'

/** Time for which a ledger that cannot be reached is tried again, in leases. */
const PATIENCE_LEASES = 2

/**
 * One lease while its shard is worked on. Calls of the ledger follow each other, because each needs
 * the lease that the last one returned. A ledger that cannot be reached is tried again, for two
 * lease times.
 */
export class LeaseKeeper {
  readonly #ledger: Ledger
  readonly leaseMs: number
  readonly #lost = new AbortController()
  #lease: Lease
  #tail: Promise<unknown> = Promise.resolve()

  constructor(ledger: Ledger, lease: Lease, leaseMs: number) {
    this.#ledger = ledger
    this.#lease = lease
    this.leaseMs = leaseMs
  }

  get lease(): Lease {
    return this.#lease
  }

  /** Aborted when the lease is lost, with the error that says so. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Ends the work on the shard at once. */
  lose(reason: unknown): void {
    this.#lost.abort(reason)
  }

  commit(commit: ShardCommit): Promise<void> {
    return this.#next(async (lease) => {
      this.#lease = await this.#ledger.commit(lease, commit)
    })
  }

  complete(commit: ShardCommit): Promise<void> {
    return this.#next((lease) => this.#ledger.complete(lease, commit))
  }

  split(at: number): Promise<void> {
    return this.#next(async (lease) => {
      this.#lease = await this.#ledger.split(lease, at)
    })
  }

  release(): Promise<void> {
    return this.#next((lease) => this.#ledger.release(lease))
  }

  fail(error: string, isDead: boolean): Promise<void> {
    return this.#next((lease) => this.#ledger.fail(lease, error, { isDead }))
  }

  isSplitRequested(): Promise<boolean> {
    return this.#ledger.isSplitRequested(this.#lease)
  }

  #next(call: (lease: Lease) => Promise<void>): Promise<void> {
    const calling = this.#tail.then(() => this.#tried(() => call(this.#lease)))
    this.#tail = calling.catch(() => {})
    return calling
  }

  async #tried(call: () => Promise<void>): Promise<void> {
    try {
      await patiently(call, PATIENCE_LEASES * this.leaseMs, this.lost)
    } catch (error) {
      if (isLeaseLost(error)) this.lose(error)
      throw error
    }
  }
}
