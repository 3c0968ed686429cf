import type { Figures, UnitFigures } from './figures.ts'
import { fitting } from './memory.ts'
import { type Change, isHeldUp, type Proposal, SATISFIED, type Tuned, WAITS } from './proposal.ts'

/** Share of its slots at work from which on a unit may be what limits. */
const SATURATED = 0.8
/** Likewise where none is saturated: stages that work in turns. */
const PARTLY = 0.4
/**
 * Share of the time for which its exit is full from which on a unit certainly waits for others,
 * though results come in bursts.
 */
const WAITS_CERTAINLY = 0.9
/** Share of the cores from which on nothing is gained by more calls. */
const CORES_FULL = 0.93
/** Cores in use by a process that wants more. */
const WANTS_CORES = 0.25
/** Of slots, waiting for a worker: more of them make the queue longer. */
const QUEUES = 0.25
/** Mean time of calls, in milliseconds, from which on fewer of them show sooner than more. */
const LONG_MS = 700
/** Weight of a unit at which something was refused, for each time. */
const TRIED = 0.9
/** Relative error of the rate from which on small losses do not show; and slots that are many. */
const NOISE = 0.15
const MANY = 16
/** Room that a model's number leaves. */
const MODEL_ROOM = 1.15

interface Candidate {
  readonly i: number
  readonly unit: UnitFigures
  readonly tuned: Tuned
}

/**
 * Tries another number for the unit that limits. `isFresh`: only of units at which nothing was
 * refused.
 */
export function climb(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
  isFresh: boolean,
): Proposal | undefined {
  const all = candidates(figures, tuned, SATURATED, WAITS)
  const some = isFresh ? all.filter((one) => one.tuned.size.refusals === 0) : all
  return first(figures, some, memoryBytes)
}

/** Likewise where no unit limits alone. */
export function climbPartly(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
): Proposal | undefined {
  return first(figures, candidates(figures, tuned, PARTLY, 1 - PARTLY), memoryBytes)
}

/**
 * Tries more of all units that work most of the time: where each has to wait for the others, more
 * of one alone shows nothing.
 */
export function climbTogether(
  figures: Figures,
  tuned: readonly Tuned[],
  memoryBytes: number,
): Proposal | undefined {
  if (areCoresFull(figures)) return undefined
  const changes = candidates(figures, tuned, PARTLY, 1).flatMap(
    ({ i, unit, tuned: { size } }): Change[] => {
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
  figures: Figures,
  tuned: readonly Tuned[],
  least: number,
  fullest: number,
): readonly Candidate[] {
  const share = (unit: UnitFigures, held: boolean): number =>
    (unit.busy + unit.queued + (held || unit.full < WAITS ? unit.blocked : 0)) /
    Math.max(1e-9, unit.slots)
  return figures.units
    .map((unit, i) => ({ i, unit, tuned: tuned[i] as Tuned }))
    .filter(({ unit, tuned: one }) => {
      // What is held up by slow calls comes in bursts, which fill its exit.
      const isHeld = isHeldUp(one, unit) && figures.waiting > 2 * SATISFIED
      return share(unit, isHeld) >= least && unit.full < (isHeld ? WAITS_CERTAINLY : fullest)
    })
    .sort((one, other) => rank(other) - rank(one))
}

/**
 * How much a unit looks like the one that limits: its slots are at work, and what follows takes
 * what it gives. What was tried in vain comes later.
 */
function rank({ unit, tuned }: Candidate): number {
  const share = (unit.busy + unit.queued + unit.blocked) / Math.max(1e-9, unit.slots)
  return share * (1 - unit.full) * TRIED ** tuned.size.refusals
}

function first(
  figures: Figures,
  ranked: readonly Candidate[],
  memoryBytes: number,
): Proposal | undefined {
  for (const { i, unit, tuned } of ranked) {
    const { size } = tuned
    const isUseless = areCoresFull(figures) || unit.queued > QUEUES * unit.slots
    const isHeld = isHeldUp(tuned, unit)
    const wanted = Math.max(enough(figures, unit), isHeld ? besideSlow(figures, unit) : 0)
    const cap = Math.min(wanted, fitting(figures, unit, size.value, memoryBytes))
    if (isHeld && size.boldUp === 0) size.boldUp = 1
    const up = isUseless || cap <= size.value ? undefined : size.above(figures.atMs, cap)
    // A small loss does not show in noise: then only what is surely too much is tried with less.
    const isNoisy = figures.error > NOISE && size.value < MANY
    const down = isHeld || isNoisy ? undefined : size.below(figures.atMs)
    // Where calls take long, more of them show late, and fewer soon.
    const isUpFirst = size.prefersUp && (size.boldUp > 0 || unit.meanMs < LONG_MS)
    const to = isUpFirst ? (up ?? down) : (down ?? up)
    if (to === undefined) continue
    const change: Change = { tuned: i, option: 'size', from: size.value, to }
    const direction = to > size.value ? 'up' : 'down'
    return {
      reason: 'climb',
      direction,
      changes: [change],
      isTrusted: isHeld && direction === 'up',
    }
  }
  return undefined
}

/**
 * Whether more calls get no more of the cores: this process uses what others leave, or nobody
 * leaves any and it is one of those that want them.
 */
function areCoresFull({ cpu, cores, idle, machine }: Figures): boolean {
  return cpu >= CORES_FULL * cores || (idle <= (1 - CORES_FULL) * machine && cpu >= WANTS_CORES)
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
