import type { Bracket } from './bracket.ts'
import type { Figures, UnitFigures } from './figures.ts'
import type { TuningReason, Unit } from './types.ts'

/** A unit and what is known of its number. */
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
/** Share of its slots at work from which on a unit may be what limits. */
const SATURATED = 0.8
/** Likewise where none is saturated: stages that work in turns. */
const PARTLY = 0.4
/** Share of its slots at work that a unit is left with when unused ones are given back. */
const USED = 0.8
/** Share of the cores from which on nothing is gained by more calls. */
const CORES_FULL = 0.93
/** Share of the time for which its exit is full from which on a unit waits for others. */
const WAITS = 0.5
/** Of slots, waiting for a worker: more of them make the queue longer. */
const QUEUES = 0.25
const LONG_MS = 700
/** Share of slots whose results wait for earlier ones: the slow calls go on beside as many others as there are slots. */
const HELD = 0.3
/** Of the mean: calls that take so much longer are slow. */
const SLOW = 3
/** Room that a model's number leaves. */
const MODEL_ROOM = 1.15
const MEMORY_ROOM = 0.95

/** What to try next; `undefined`: nothing that is not known already. */
export function propose(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
): Proposal | undefined {
  if (figures.waiting <= SATISFIED) return giveBack(figures, tuned)
  return (
    buffers(figures, tuned, memoryBytes, MANY_OUTPUTS) ??
    climb(figures, tuned, memoryBytes, SATURATED, WAITS) ??
    giveBack(figures, tuned) ??
    buffers(figures, tuned, memoryBytes, 0) ??
    climb(figures, tuned, memoryBytes, PARTLY, 1 - PARTLY)
  )
}

/** Slots that are neither at work nor wait for anything else than this unit itself. In input order results that wait for earlier ones count. */
function inUse({ busy, queued, blocked, full }: UnitFigures): number {
  return busy + queued + (full < WAITS ? blocked : 0)
}

/** Tries another number for the unit that limits. */
function climb(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
  least: number,
  fullest: number,
): Proposal | undefined {
  const ranked = figures.units
    .map((unit, i) => ({ i, unit, share: inUse(unit) / Math.max(1e-9, unit.slots) }))
    .filter(({ unit, share }) => share >= least && unit.full < fullest)
    .sort((one, other) => one.unit.full - other.unit.full || other.share - one.share)
  const areCoresFull = figures.cpu >= CORES_FULL * figures.cores
  for (const { i, unit } of ranked) {
    const { unit: of, size } = tuned[i] as Tuned
    const isUseless = areCoresFull || unit.queued > QUEUES * unit.slots
    const isHeld = of.isOrdered === true && waitsForSlow(unit)
    const wanted = isHeld ? Math.max(enough(figures, unit), besideSlow(figures, unit)) : enough(figures, unit)
    const cap = Math.min(wanted, fitting(figures, unit, size.value, memoryBytes))
    if (isHeld && size.boldUp === 0) size.boldUp = 1
    const up = isUseless || cap <= size.value ? undefined : size.above(figures.atMs, cap)
    const down = isHeld ? undefined : size.below(figures.atMs)
    // Where calls take long, more of them show late, and fewer soon.
    const isUpFirst = size.prefersUp && (size.boldUp > 0 || unit.meanMs < LONG_MS)
    const to = isUpFirst ? (up ?? down) : (down ?? up)
    if (to === undefined) continue
    const change: Change = { tuned: i, option: 'size', from: size.value, to }
    const direction = to > size.value ? 'up' : 'down'
    return { reason: 'climb', direction, changes: [change], isTrusted: isHeld && direction === 'up' }
  }
  return undefined
}

/** Whether slow calls, which others have to wait for in input order, are what a unit's slots are for. */
function waitsForSlow(unit: UnitFigures): boolean {
  return unit.blocked > HELD * unit.slots || unit.slowMs > SLOW * unit.meanMs
}

/** How many slots the unit needs for all that consumer and cores can take. */
function enough(figures: Figures, unit: UnitFigures): number {
  const { waiting, cpu, cores } = figures
  const byConsumer = waiting < 0.98 ? 1 / (1 - waiting) : Number.POSITIVE_INFINITY
  const byCores = cpu > 0.05 * cores ? (1.1 * cores) / cpu : Number.POSITIVE_INFINITY
  return unit.slots * Math.min(byConsumer, byCores) * MODEL_ROOM
}

/** How many slots an ordered unit needs: all that comes while its slowest call is at work. */
function besideSlow(figures: Figures, unit: UnitFigures): number {
  const { rate, waiting } = figures
  const most = rate > 0 && waiting < 0.98 ? unit.rate / (1 - waiting) : 0
  return most * unit.slowMs * MODEL_ROOM
}

/** How many slots there is memory for. */
function fitting(figures: Figures, unit: UnitFigures, value: number, memoryBytes: number): number {
  if (unit.itemBytes === 0) return Number.POSITIVE_INFINITY
  const left = MEMORY_ROOM * memoryBytes - figures.memoryBytes
  return value + Math.floor(left / unit.itemBytes)
}

/** Slots that are not used are given back, of all units that do not limit at once. */
function giveBack(figures: Figures, tuned: readonly Tuned[]): Proposal | undefined {
  const isEnough = figures.waiting <= SATISFIED
  const changes = figures.units.flatMap((unit, i): Change[] => {
    const { unit: of, size } = tuned[i] as Tuned
    const atWork = isEnough || unit.full >= WAITS ? unit.busy + unit.queued : inUse(unit)
    // In input order as many are begun as come while the slowest is at work.
    const rate = Math.max(unit.rate, figures.rate)
    const used = of.isOrdered === true ? Math.max(atWork, rate * unit.slowMs) : atWork
    const needed = Math.max(size.min, Math.ceil(used / USED))
    if (needed >= size.value) return []
    // What was refused before is not tried again at once.
    const down = size.below(figures.atMs)
    if (down === undefined) return []
    const to = Math.max(needed, size.boldDown > 0 ? 1 : Math.min(needed, down), size.min)
    return to < size.value ? [{ tuned: i, option: 'size', from: size.value, to }] : []
  })
  return changes.length === 0 ? undefined : { reason: 'unused', direction: 'down', changes, isTrusted: false }
}

/** An exit that is empty and full in turns evens out too little. */
const TURNS = 0.05
/** Outputs of one call from which on they are likely to do so. */
const MANY_OUTPUTS = 2

function buffers(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
  leastFanOut: number,
): Proposal | undefined {
  for (const [i, unit] of figures.units.entries()) {
    const { buffer } = tuned[i] as Tuned
    if (buffer === undefined || unit.fanOut < leastFanOut || unit.empty < TURNS || unit.full < TURNS) continue
    const wanted = Math.max(2 * buffer.value, Math.ceil(unit.fanOut))
    const cap = Math.min(buffer.max, wanted, fitting(figures, unit, buffer.value, memoryBytes))
    const to = buffer.above(figures.atMs, cap) === undefined || cap <= buffer.value ? undefined : cap
    if (to === undefined) continue
    return {
      reason: 'buffer',
      direction: 'up',
      isTrusted: false,
      changes: [{ tuned: i, option: 'buffer', from: buffer.value, to }],
    }
  }
  return undefined
}
