import type { Figures, UnitFigures } from './figures.ts'

/** Share of busy slots from which on the number of slots limits a unit. */
const ALL_BUSY = 0.9
/** Share of the rate that fewer slots must be able to reach. */
const KEPT = 0.97
/** Relative error of a rate that is precise enough. */
const PRECISE = 0.35
/** A rate is outdated after this time, in milliseconds. */
const VALID_MS = 300_000

/** A period is long enough for a mean time of calls if it is this many times as long. */
const LONG = 3
/** Calls that are no slower with this many times the slots do not disturb each other. */
const MORE = 1.25
const SAME = 1.05

interface SlotRate {
  /** Calls per millisecond and slot, including half of the possible error. */
  readonly perSlot: number
  readonly slots: number
  /** Mean time of a call; 0 if unknown. */
  readonly meanMs: number
  readonly atMs: number
}

/**
 * Remembers how much each slot achieved while all slots of a unit were busy. More slots do not make
 * a single slot faster, so a rate at one number shows which larger numbers are too few for a higher
 * rate. No trial is needed for them.
 */
export class SlotRates {
  #rates: SlotRate[] = []

  note(unit: UnitFigures, { error, elapsedMs, atMs }: Figures): void {
    const { slots, busy, queued, rate, meanMs } = unit
    const whole = Math.round(slots)
    if (error > PRECISE || Math.abs(slots - whole) > 0.01 || rate === 0) return
    if (busy + queued < ALL_BUSY * slots) return
    const perSlot = (rate / slots) * (1 + error / 2)
    this.#rates = this.#rates.filter((one) => one.slots !== whole)
    this.#rates.push({
      perSlot,
      slots: whole,
      meanMs: elapsedMs > LONG * meanMs ? meanMs : 0,
      atMs,
    })
  }

  /** The lowest number of slots, up to `slots`, that may reach the rate. */
  least({ rate, slots, meanMs }: UnitFigures, atMs: number): number {
    const recent = this.#rates.filter((one) => one.atMs > atMs - VALID_MS)
    const isFree = recent.some(
      (one) =>
        one.slots >= MORE * slots && one.meanMs > 0 && meanMs > 0 && one.meanMs <= SAME * meanMs,
    )
    if (isFree) return Math.round(slots)
    const numbers = recent
      .filter((one) => one.slots < Math.round(slots))
      .map(({ perSlot }) => Math.ceil((KEPT * rate) / perSlot))
    return Math.min(Math.round(slots), Math.max(1, ...numbers))
  }

  forget(): void {
    this.#rates = []
  }
}
