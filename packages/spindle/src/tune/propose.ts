import { areCoresFull, climb, climbPartly, climbTogether } from './climb.ts'
import type { UnitFigures } from './figures.ts'
import { fitting } from './memory.ts'
import {
  isHeldUp,
  isSpread,
  type Proposal,
  SATISFIED,
  type Situation,
  type Step,
  type Tuned,
  WAITS,
  withRoom,
} from './proposal.ts'

/** Target share of busy slots when unused ones are removed. */
const USED = 0.8
/** Share of busy slots from which on a unit is busy. */
const BUSY = 0.85
/** Number of calls that should wait for a worker, relative to the running ones. */
const QUEUED = 0.25
/**
 * If an exit queue is both empty and full for at least this share of the time, its buffer is too
 * small.
 */
const TURNS = 0.05
/** Number of outputs per call from which on this is likely. */
const MANY_OUTPUTS = 2

/** The next change to try; `undefined` if all options were tried. */
export function propose(situation: Situation): Proposal | undefined {
  const { figures, together } = situation
  if (figures.waiting <= SATISFIED) return giveBack(situation)
  const isTime = together.isOver(figures.atMs)
  return (
    (isTime && figures.units.filter(isBusy).length > 1 ? climbTogether(situation) : undefined) ??
    buffers(situation, MANY_OUTPUTS) ??
    climb(situation, true) ??
    (isTime ? climbTogether(situation) : undefined) ??
    climb(situation, false) ??
    giveBack(situation) ??
    buffers(situation, 0) ??
    climbPartly(situation)
  )
}

/**
 * Whether slots hardly ever wait for work. If this is true for several units, raising only one has
 * no effect.
 */
function isBusy({ busy, slots }: UnitFigures): boolean {
  return busy >= BUSY * slots
}

/** Removes unused slots of all units that do not limit the pipeline, in one step. */
function giveBack({ figures, tuned }: Situation): Proposal | undefined {
  // When other processes leave the cores, the rate grows by this factor.
  const growth = areCoresFull(figures) ? figures.machine / figures.cores : 1
  const isEnough = figures.waiting <= SATISFIED
  const changes = figures.units.flatMap((unit, i): Step[] => {
    const one = tuned[i] as Tuned
    const { size } = one
    const waitsForOthers = isEnough || unit.full >= WAITS
    // A few calls that wait for a worker keep workers from being idle; more are useless.
    const queued = Math.min(unit.queued, 1 + QUEUED * unit.busy)
    const atWork = unit.busy + queued + (waitsForOthers ? 0 : unit.blocked)
    // In input order, calls continue to begin while the slowest one runs.
    const beside = one.unit.isOrdered === true ? Math.max(unit.rate, figures.rate) * unit.slowMs : 0
    if (!isEnough && isHeldUp(one, unit)) return []
    const busy = growth * Math.max(atWork, beside)
    const room = Math.max(
      busy / USED,
      withRoom(unit, busy),
      isSpread(unit) || unit.fanOut >= MANY_OUTPUTS ? unit.most : 0,
    )
    const needed = Math.max(size.min, Math.ceil(room))
    if (needed >= size.value) return []
    // A refused number is not tried again at once.
    const down = size.below(figures.atMs)
    if (down === undefined) return []
    const to = Math.max(needed, size.boldDown > 0 ? 1 : Math.min(needed, down), size.min)
    return to < size.value ? [{ tuned: i, option: 'size', from: size.value, to }] : []
  })
  return changes.length === 0
    ? undefined
    : { reason: 'unused', direction: 'down', changes, isTrusted: false }
}

/** More places for an exit queue that is empty and full in turns, as far as memory allows. */
function buffers(
  { figures, tuned, memoryBytes }: Situation,
  leastFanOut: number,
): Proposal | undefined {
  for (const [i, unit] of figures.units.entries()) {
    const one = tuned[i] as Tuned
    const { buffer } = one
    if (buffer === undefined || unit.fanOut < leastFanOut || isHeldUp(one, unit)) continue
    if (unit.empty < TURNS || unit.full < TURNS) continue
    const wanted = Math.max(2 * buffer.value, Math.ceil(unit.fanOut))
    const cap = Math.min(buffer.max, wanted, fitting(figures, unit, buffer.value, memoryBytes))
    const to =
      buffer.above(figures.atMs, cap) === undefined || cap <= buffer.value ? undefined : cap
    if (to === undefined) continue
    const change: Step = { tuned: i, option: 'buffer', from: buffer.value, to }
    return { reason: 'buffer', direction: 'up', isTrusted: false, changes: [change] }
  }
  return undefined
}
