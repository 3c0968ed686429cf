import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Lease, Ledger } from '../contract/ledger.ts'
import type { WorkerReport } from '../contract/status.ts'
import { RENEWAL_THREAD } from '../entries.ts'
import type { OpenLedgerOptions } from '../open/open-ledger.ts'
import { clearInterval, setInterval } from '../timers.ts'
import type { RenewalAnswer, RenewalNews, RenewalStart } from './renewal-messages.ts'

/** Renews the leases of one worker until it is closed. */
export interface Renewals {
  /** Tells what changed: leases that began, ended or have new entries. */
  update(): void
  /** Stops renewing. The leases stay until they are released or run out. */
  close(): Promise<void>
}

/** What is renewed, read at each renewal. */
export interface Renewed {
  report(): WorkerReport
  leases(): readonly Lease[]
  /** Called with the keys of leases that other workers have now. */
  onLost(keys: readonly string[]): void
}

/** A ledger that another thread can open. */
export interface LedgerAddress {
  readonly url: string
  readonly options: OpenLedgerOptions
}

/**
 * Renews every third of a lease: in a thread of its own if the thread can open the ledger, and else
 * on this event loop. The first renewal is done when the promise resolves.
 */
export async function startRenewals(
  ledger: Ledger,
  address: LedgerAddress | undefined,
  leaseMs: number,
  maxBlockedMs: number,
  renewed: Renewed,
): Promise<Renewals> {
  renewed.onLost(await ledger.renew(renewed.report(), renewed.leases()))
  const everyMs = leaseMs / 3
  const canStart = RENEWAL_THREAD.startsWith('file:') && existsSync(fileURLToPath(RENEWAL_THREAD))
  return address !== undefined && canStart
    ? new ThreadRenewals(address, everyMs, maxBlockedMs, renewed)
    : new LoopRenewals(ledger, everyMs, renewed)
}

/** Renewals on this event loop. */
class LoopRenewals implements Renewals {
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()
  #isRunning = false

  constructor(ledger: Ledger, everyMs: number, renewed: Renewed) {
    this.#timer = setInterval(() => {
      if (this.#isRunning) return
      this.#isRunning = true
      this.#running = ledger
        .renew(renewed.report(), renewed.leases())
        .then(
          (keys) => renewed.onLost(keys),
          () => {}, // The next turn tries again; commits decide.
        )
        .finally(() => (this.#isRunning = false))
    }, everyMs)
  }

  update(): void {}

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }
}

/** Renewals in a thread. */
class ThreadRenewals implements Renewals {
  readonly #renewed: Renewed
  readonly #thread: Worker
  readonly #timer: NodeJS.Timeout

  constructor(address: LedgerAddress, everyMs: number, maxBlockedMs: number, renewed: Renewed) {
    this.#renewed = renewed
    const ticks = new SharedArrayBuffer(4)
    const counter = new Int32Array(ticks)
    const start: RenewalStart = { ...address, everyMs, maxBlockedMs, ticks }
    this.#thread = new Worker(new URL(RENEWAL_THREAD), { workerData: start })
    this.#thread.on('message', ({ lost }: RenewalAnswer) => renewed.onLost(lost))
    // Without renewals the leases run out, and another worker takes the shards: nothing is wrong.
    this.#thread.on('error', () => {})
    this.#thread.unref()
    this.#timer = setInterval(() => {
      Atomics.add(counter, 0, 1)
      this.update()
    }, everyMs)
    this.update()
  }

  update(): void {
    const { report, leases } = this.#renewed
    this.#thread.postMessage({ report: report(), leases: leases() } satisfies RenewalNews)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#thread.terminate()
  }
}
