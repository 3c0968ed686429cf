import type { Bracket, Taboo } from './bracket.ts'
import type { Figures, UnitFigures } from './figures.ts'
import type { SlotRates } from './slot-rates.ts'
import type { TuningReason, Unit } from './tune-types.ts'

/** A unit and the state of its numbers. */
export interface Tuned {
  readonly unit: Unit
  readonly size: Bracket
  readonly buffer: Bracket | undefined
  readonly rates: SlotRates
  /** Share of troubled calls that does not depend on the concurrency. */
  usualTroubles: number
}

export interface Step {
  readonly tuned: number
  readonly option: 'size' | 'buffer'
  readonly from: number
  readonly to: number
}

/** Changes that are measured together. */
export interface Proposal {
  readonly reason: TuningReason
  readonly direction: 'up' | 'down'
  readonly changes: readonly Step[]
  /** Whether the figures alone show that it helps. It is then kept unless it does harm. */
  readonly isTrusted: boolean
}

/** What is known when a change is proposed. */
export interface Situation {
  readonly figures: Figures
  readonly tuned: readonly Tuned[]
  /** Maximum number of bytes that the pipeline may use. */
  readonly memoryBytes: number
  /** Blocks changes of several units at once for a while. */
  readonly together: Taboo
  /** Whether other processes use some of the cores at times. */
  readonly areCoresShared: boolean
}

/** Share of the time up to which a waiting consumer counts as satisfied. */
export const SATISFIED = 0.02
/** Share of the time with a full exit queue from which on a unit waits for others. */
export const WAITS = 0.5
/**
 * Share of slots whose results wait for earlier ones. While slow calls run, only as many other
 * calls can run as there are slots.
 */
const HELD = 0.3
/** Factor on the mean time from which on a call is slow. */
const SLOW = 3
/** Number of standard deviations of the number of busy slots. */
const ROOM = 2

/**
 * Whether the times of a unit's calls differ much. The number of calls in flight then varies by
 * about its square root, even at a constant rate.
 */
export function isSpread({ slowMs, meanMs }: UnitFigures): boolean {
  return slowMs > SLOW * meanMs
}

/** Number of slots for so many busy ones, so that none has to wait when the times of calls vary. */
export function withRoom(unit: UnitFigures, busy: number): number {
  return busy + (isSpread(unit) ? ROOM * Math.sqrt(busy) : 0)
}

/** Whether a unit needs its slots mainly because results wait for slow calls, in input order. */
export function isHeldUp({ unit: { isOrdered } }: Tuned, unit: UnitFigures): boolean {
  return isOrdered === true && (unit.blocked > HELD * unit.slots || isSpread(unit))
}
