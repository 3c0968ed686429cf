import type { UnitFigures } from './figures.ts'

/** Share of busy slots from which on the number of slots limits a unit. */
const ALL_BUSY = 0.9
/** Share of the rate that fewer slots must be able to reach. */
const KEPT = 0.97
/** Relative error of a rate that is precise enough. */
const PRECISE = 0.15
/** A rate is outdated after this time, in milliseconds. */
const VALID_MS = 300_000

interface SlotRate {
  /** Calls per millisecond and slot, including the possible error. */
  readonly perSlot: number
  readonly slots: number
  readonly atMs: number
}

/**
 * Remembers how much each slot achieved while all slots of a unit were busy. More slots do not make
 * a single slot faster, so a rate at one number shows which larger numbers are too few for a higher
 * rate. No trial is needed for them.
 */
export class SlotRates {
  #rates: SlotRate[] = []

  note({ slots, busy, queued, rate }: UnitFigures, error: number, atMs: number): void {
    const whole = Math.round(slots)
    if (error > PRECISE || Math.abs(slots - whole) > 0.01 || rate === 0) return
    if (busy + queued < ALL_BUSY * slots) return
    const perSlot = (rate / slots) * (1 + error)
    this.#rates = this.#rates.filter((one) => one.slots !== whole)
    this.#rates.push({ perSlot, slots: whole, atMs })
  }

  /** The lowest number of slots, up to `slots`, that may reach the rate. */
  least({ rate, slots }: UnitFigures, atMs: number): number {
    const numbers = this.#rates
      .filter((one) => one.slots < Math.round(slots) && one.atMs > atMs - VALID_MS)
      .map(({ perSlot }) => Math.ceil((KEPT * rate) / perSlot))
    return Math.min(Math.round(slots), Math.max(1, ...numbers))
  }

  forget(): void {
    this.#rates = []
  }
}
