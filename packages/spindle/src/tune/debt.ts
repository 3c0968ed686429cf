/** Share of the throughput that rolled back trials may cost in the long run. */
const AFFORDABLE = 0.025
/**
 * Losses, in milliseconds, that are free at the start, and that may be open when a trial begins.
 */
const CREDIT_MS = 300
const OPEN_MS = 30
/** A single trial never blocks others for longer than this time, in milliseconds. */
const LONGEST_MS = 10_000

/** Limits what trials cost: after a loss, the next trial waits until the loss is paid off. */
export class TrialDebt {
  #lostMs = -CREDIT_MS
  #atMs = 0

  /** Notes a trial that was rolled back: the time that it took, and the share of the rate lost. */
  add(tookMs: number, lost: number, atMs: number): void {
    this.#pay(atMs)
    this.#lostMs = Math.min(
      AFFORDABLE * LONGEST_MS,
      this.#lostMs + Math.max(0, Math.min(1, lost)) * tookMs,
    )
  }

  isPaid(atMs: number): boolean {
    this.#pay(atMs)
    return this.#lostMs <= OPEN_MS
  }

  #pay(atMs: number): void {
    const paidMs = AFFORDABLE * Math.max(0, atMs - this.#atMs)
    this.#lostMs = Math.max(Math.min(0, this.#lostMs), this.#lostMs - paidMs)
    this.#atMs = Math.max(this.#atMs, atMs)
  }
}
