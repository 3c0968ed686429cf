import type { Bracket } from './bracket.ts'
import type { UnitFigures } from './figures.ts'
import type { TuningReason, Unit } from './tune-types.ts'

/** A unit and what is known of its numbers. */
export interface Tuned {
  readonly unit: Unit
  readonly size: Bracket
  readonly buffer: Bracket | undefined
  /** Share of troubled calls that has nothing to do with how many there are at a time. */
  usualTroubles: number
}

export interface Change {
  readonly tuned: number
  readonly option: 'size' | 'buffer'
  readonly from: number
  readonly to: number
}

/** Changes to be measured together. */
export interface Proposal {
  readonly reason: TuningReason
  readonly direction: 'up' | 'down'
  readonly changes: readonly Change[]
  /** Whether the figures alone say that it helps: it is kept unless it does harm. */
  readonly isTrusted: boolean
}

/** The consumer waits no longer than this share of the time: what comes is enough. */
export const SATISFIED = 0.02
/** Share of the time for which its exit is full from which on a unit waits for others. */
export const WAITS = 0.5
/**
 * Share of slots whose results wait for earlier ones: the slow calls go on beside as many others as
 * there are slots.
 */
const HELD = 0.3
/** Of the mean: calls that take so much longer are slow. */
const SLOW = 3

/**
 * Whether slow calls, which others have to wait for in input order, are what a unit's slots are
 * for.
 */
export function isHeldUp(
  { unit }: Tuned,
  { blocked, slots, slowMs, meanMs }: UnitFigures,
): boolean {
  return unit.isOrdered === true && (blocked > HELD * slots || slowMs > SLOW * meanMs)
}
