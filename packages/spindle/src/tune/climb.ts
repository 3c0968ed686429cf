import type { Figures, UnitFigures } from './figures.ts'
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

/** Share of busy slots from which on a unit may be the bottleneck. */
const SATURATED = 0.8
/** The same when no unit is saturated: stages that work alternately. */
const PARTLY = 0.4
/**
 * Share of the time with a full exit queue from which on a unit certainly waits for others, even if
 * results come in bursts.
 */
const WAITS_CERTAINLY = 0.9
/** Share of used cores from which on more calls gain nothing. */
const CORES_FULL = 0.93
/**
 * Share of a waiting consumer from which on a unit with very different times of calls is raised
 * without a proof: the gain is smaller than what a measurement shows.
 */
const NEARLY = 0.15
/** Number of cores in use by a process that can use more. */
const WANTS_CORES = 0.25
/** Share of slots that wait for a worker, above which more slots only make the queue longer. */
const QUEUES = 0.25
/**
 * Mean time of calls, in milliseconds, from which on a lower number shows its effect sooner than a
 * higher one.
 */
const LONG_MS = 700
/** Factor on a unit's rank for each refusal. */
const TRIED = 0.9
/**
 * Relative error of the rate from which on small losses are not visible; and the number of slots
 * from which on there are many.
 */
const NOISE = 0.15
const MANY = 16
const FEW = 8
/** Factor on the number that the model considers enough. */
const MODEL_ROOM = 1.15

interface Candidate {
  readonly i: number
  readonly unit: UnitFigures
  readonly tuned: Tuned
}

/**
 * Tries another number for the unit that limits the pipeline. `isFresh`: only for units without a
 * refusal.
 */
export function climb(situation: Situation, isFresh: boolean): Proposal | undefined {
  const all = candidates(situation, SATURATED, WAITS)
  const some = isFresh ? all.filter((one) => one.tuned.size.refusals === 0) : all
  return first(situation, some)
}

/** The same when no single unit limits the pipeline. */
export function climbPartly(situation: Situation): Proposal | undefined {
  return first(situation, candidates(situation, PARTLY, 1 - PARTLY))
}

/**
 * Tries more for all units that are busy most of the time. If each has to wait for the others,
 * raising only one has no effect.
 */
export function climbTogether(situation: Situation): Proposal | undefined {
  const { figures, memoryBytes } = situation
  if (areCoresFull(figures)) return undefined
  const changes = candidates(situation, PARTLY, 1).flatMap(
    ({ i, unit, tuned: { size } }): Step[] => {
      const cap = Math.min(
        enough(figures, unit),
        fitting(figures, unit, size.value, memoryBytes),
        2 * size.value,
      )
      const to = Math.min(size.max, Math.ceil(cap))
      return to > size.value ? [{ tuned: i, option: 'size', from: size.value, to }] : []
    },
  )
  return changes.length < 2
    ? undefined
    : { reason: 'climb', direction: 'up', changes, isTrusted: false }
}

function candidates(
  { figures, tuned }: Situation,
  least: number,
  fullest: number,
): readonly Candidate[] {
  const share = (unit: UnitFigures, held: boolean): number =>
    (unit.busy + unit.queued + (held || unit.full < WAITS ? unit.blocked : 0)) /
    Math.max(1e-9, unit.slots)
  return figures.units
    .map((unit, i) => ({ i, unit, tuned: tuned[i] as Tuned }))
    .filter(({ unit, tuned: one }) => {
      // Results held up by slow calls come in bursts, which fill the exit queue.
      const isHeld = isHeldUp(one, unit) && figures.waiting > 2 * SATISFIED
      return share(unit, isHeld) >= least && unit.full < (isHeld ? WAITS_CERTAINLY : fullest)
    })
    .sort((one, other) => rank(other) - rank(one))
}

/**
 * How likely a unit limits the pipeline: its slots are busy, and the next stage takes its results.
 * Units with refusals come later.
 */
function rank({ unit, tuned }: Candidate): number {
  const share = (unit.busy + unit.queued + unit.blocked) / Math.max(1e-9, unit.slots)
  return share * (1 - unit.full) * TRIED ** tuned.size.refusals
}

function first(situation: Situation, ranked: readonly Candidate[]): Proposal | undefined {
  const { figures, memoryBytes } = situation
  for (const { i, unit, tuned } of ranked) {
    const { size } = tuned
    const isUseless = areCoresFull(figures) || unit.queued > QUEUES * unit.slots
    const isHeld = isHeldUp(tuned, unit)
    const wanted = Math.max(enough(figures, unit), isHeld ? besideSlow(figures, unit) : 0)
    const cap = Math.min(wanted, fitting(figures, unit, size.value, memoryBytes))
    const isNearlyEnough = isSpread(unit) && figures.waiting <= NEARLY && !size.wasTrusted
    // The effect of a small step would not be visible.
    const leastBold = isSpread(unit) && size.value < FEW ? 2 : 1
    if (isHeld || isSpread(unit)) size.boldUp = Math.max(size.boldUp, leastBold)
    const up = isUseless || cap <= size.value ? undefined : size.above(figures.atMs, cap)
    // Noise hides a small loss. Then a lower number is only tried where there are certainly too
    // many slots.
    const isNoisy = figures.error > NOISE && size.value < MANY && size.boldDown === 0
    const down =
      isHeld || isNoisy || (isSpread(unit) && figures.waiting <= NEARLY)
        ? undefined
        : size.below(figures.atMs, least(situation, unit, tuned))
    // With long calls, the effect of a higher number shows late, and that of a lower one soon.
    const isUpFirst = size.prefersUp && (size.boldUp > 0 || unit.meanMs < LONG_MS)
    const to = isUpFirst ? (up ?? down) : (down ?? up)
    if (to === undefined) continue
    const change: Step = { tuned: i, option: 'size', from: size.value, to }
    const direction = to > size.value ? 'up' : 'down'
    return {
      reason: 'climb',
      direction,
      changes: [change],
      isTrusted: (isHeld || isNearlyEnough) && direction === 'up',
    }
  }
  return undefined
}

/**
 * Whether more calls would get no more CPU: this process uses what others leave, or no core is idle
 * and this process is one of those that use them.
 */
export function areCoresFull({ cpu, cores, idle, machine }: Figures): boolean {
  return cpu >= CORES_FULL * cores || (idle <= (1 - CORES_FULL) * machine && cpu >= WANTS_CORES)
}

/**
 * The lowest number that may be enough. While others use cores, fewer calls than cores may seem to
 * be enough, until the others end.
 */
function least(
  { figures, areCoresShared }: Situation,
  unit: UnitFigures,
  { size, rates }: Tuned,
): number {
  const isShared = areCoresShared && areCoresFull(figures)
  const forCores = isShared ? Math.min(size.value, Math.ceil(figures.machine)) : 1
  return Math.max(forCores, rates.least(unit, figures.atMs))
}

/** Number of slots that the unit needs for what the consumer and the cores can process. */
function enough(figures: Figures, unit: UnitFigures): number {
  const { waiting, cpu, cores } = figures
  const byConsumer = waiting < 0.98 ? 1 / (1 - waiting) : Number.POSITIVE_INFINITY
  const byCores = cpu > 0.05 * cores ? (1.1 * cores) / cpu : Number.POSITIVE_INFINITY
  const times = Math.min(byConsumer, byCores)
  return Math.max(unit.slots * times * MODEL_ROOM, withRoom(unit, unit.busy * times))
}

/** Number of slots that an ordered unit needs: all calls that begin while its slowest call runs. */
function besideSlow(figures: Figures, unit: UnitFigures): number {
  const { rate, waiting } = figures
  const most = rate > 0 && waiting < 0.98 ? unit.rate / (1 - waiting) : 0
  return most * unit.slowMs * MODEL_ROOM
}
