import { type Figures, leastMsOf, UNDISTURBED } from './figures.ts'
import { type Proposal, SATISFIED } from './proposal.ts'

/** `'void'`: other processes disturbed the trial too much for a verdict. */
export type Judgement = 'accept' | 'reject' | 'more' | 'void'

/** Increase of the rate that more slots must bring, and decrease that fewer slots may cost. */
const WORTH = 0.03
const BEARABLE = 0.02
/** Maximum loss of several consecutive reductions, relative to the best rate seen. */
const BEARABLE_IN_ALL = 0.04

/** Share of a step's size. A smaller change of the rate is no evidence for the step. */
const PROOF = 0.35

const LEAST_MS = 250
const LEAST_ITEMS = 12
const LONGEST_MS = 3000
const LATEST_MS = 8000
/** Loss from which on a step down is ended at once, after this time in milliseconds. */
const LARGE_LOSS = 0.15
const LARGE_LOSS_MS = 150
/** Gain from which on a step down is kept at once. */
const LARGE_GAIN = 0.15
/** A period is too short for a loss if it is shorter than this many silences of the baseline. */
const SILENCES = 1.5
/** Number of standard errors that separates a certain verdict. */
const SURE = 2
const LIKELY = 1.5
/**
 * Relative change of the cores available to this process from which on rates are compared per core,
 * if cores limit.
 */
const OTHER_CORES = 0.15
const CORES_FULL = 0.9
const CORES_USED = 0.5
/** Share of the cores by which cores that are as full as before may differ. */
const AS_FULL = 0.02
/** Number of cores in use from which on other processes can matter. */
const CPU_MATTERS = 0.25

/** The verdict about a trial, as early as it is clear. `best`: the highest certain rate so far. */
export function judge(proposal: Proposal, base: Figures, now: Figures, best: number): Judgement {
  if (proposal.reason === 'errors') return judgeErrors(proposal, base, now)
  if (base.rate === 0) return now.items > 0 ? 'accept' : now.elapsedMs < LATEST_MS ? 'more' : 'void'
  const { elapsedMs, items } = now
  const leastMs = leastMsOf(now.units, LEAST_MS, LONGEST_MS)
  const isLast = elapsedMs >= LATEST_MS
  const proof = PROOF * sizeOf(proposal)
  const isOver =
    isLast ||
    (elapsedMs >= LONGEST_MS && items >= LEAST_ITEMS && Math.hypot(now.error, base.error) <= proof)
  // Few items are enough if few are expected.
  const expected = base.rate * elapsedMs
  const others = base.cores / now.cores
  const isDisturbed = Math.abs(others - 1) > OTHER_CORES
  const areFull = base.cpu >= CORES_FULL * base.cores && now.cpu >= CORES_FULL * now.cores
  const used = Math.max(base.cpu / base.cores, now.cpu / now.cores)
  // A pipeline that does not wait for cores is equally fast beside busy processes.
  const doCoresMatter = areFull || (used > CORES_USED && Math.max(base.cpu, now.cpu) > CPU_MATTERS)
  const figures = areFull
    ? { ratio: now.perCore / base.perCore, now: now.perCoreError, base: base.perCoreError }
    : {
        ratio: (now.rate / base.rate) * (isDisturbed && doCoresMatter ? others : 1),
        now: now.error,
        base: base.error,
      }
  const { ratio } = figures
  // If the cores were only partly used, the effect of other processes is unknown.
  const isVague = isDisturbed && !areFull && doCoresMatter
  const error = Math.hypot(
    isVague ? Math.abs(others - 1) : 0,
    items === 0 ? unevenness(base) / Math.max(1, expected) : figures.now * ratio,
    figures.base * (items === 0 ? 1 : ratio),
  )
  const isEarly = !isOver && (elapsedMs < leastMs || Math.max(items, expected) < LEAST_ITEMS)
  if (isEarly && proposal.direction === 'up') return 'more'
  if (isEarly && isLargeGain(ratio, error, now, proposal)) return 'accept'
  // A silence as long as those before the change is no evidence.
  const isSilent = elapsedMs < SILENCES * base.silenceMs
  if (
    isEarly &&
    (isVague || isSilent || !isLargeLoss(ratio, Math.max(error, 1 / Math.sqrt(expected)), now))
  )
    return 'more'
  if (isEarly) return 'reject'
  // While the rate is imprecise, it is compared with the largest effect that a step of this size
  // could have.
  const slack = Math.min(error, proof)
  // With fewer cores than usual, the best rate cannot be reached.
  const isShared = Math.min(base.cores, now.cores) < UNDISTURBED * now.machine
  const lowest = isShared && doCoresMatter ? 0 : (best / base.rate) * (1 - BEARABLE_IN_ALL)
  if (proposal.isTrusted)
    return decide(ratio - 1 + error, error, isOver || elapsedMs >= LONGEST_MS, false)
  if (proposal.direction === 'up')
    return decide(ratio - (1 + Math.max(WORTH, slack)), error, isOver, isVague)
  // A consumer that hardly waits loses nothing.
  if (base.waiting <= SATISFIED && now.waiting <= 2 * SATISFIED && elapsedMs >= leastMs)
    return 'accept'
  // If the cores are as busy as before, as much work is done as before.
  if (areFull) {
    const isAsFull = now.cpu / now.cores >= base.cpu / base.cores - AS_FULL
    const allowed = BEARABLE + (isAsFull ? SURE * error : 0)
    const least = Math.max(1 - allowed, lowest - error)
    return decide(ratio - least, error, isOver || elapsedMs >= LONGEST_MS, false)
  }
  // Fewer slots are not a gain in themselves. If the result stays unclear, it must at least not
  // look worse.
  if (isLast && error > proof / 2 && proposal.reason === 'climb')
    return ratio >= 1 ? 'accept' : 'reject'
  const least = Math.min(1 - BEARABLE, Math.max(1 - slack, lowest))
  return decide(ratio - least, error, isOver, isVague)
}

/** How uneven items arrive: the variance of their number, relative to independent arrivals. */
function unevenness({ error, items }: Figures): number {
  return Math.max(1, error ** 2 * items)
}

/**
 * Whether a step down brings so much that a short measurement shows it. Calls that began before the
 * step do not count: many of them may end soon after each other.
 */
function isLargeGain(
  ratio: number,
  error: number,
  { elapsedMs, items, units }: Figures,
  { changes }: Proposal,
): boolean {
  const meanMs = changes.map(({ tuned }) => units[tuned]?.meanMs || Number.POSITIVE_INFINITY)
  const isLong = elapsedMs >= Math.max(LEAST_MS, ...meanMs)
  return isLong && items >= LEAST_ITEMS && ratio > 1 + LARGE_GAIN + SURE * error
}

/** Whether a step down costs so much that a short measurement shows it. */
function isLargeLoss(ratio: number, error: number, { elapsedMs }: Figures): boolean {
  return elapsedMs >= LARGE_LOSS_MS && ratio < 1 - LARGE_LOSS - LIKELY * error
}

/**
 * Factor by which lower concurrency must reduce the share of troubled calls. Otherwise the errors
 * do not depend on the concurrency.
 */
const FEWER_TROUBLES = 0.7
/** Minimum number of calls for this verdict. */
const TROUBLED_CALLS = 20

/** A lower concurrency is kept if fewer calls fail, or if the rate does not suffer. */
function judgeErrors({ changes }: Proposal, base: Figures, now: Figures): Judgement {
  const at = changes[0]?.tuned ?? 0
  const [before, after] = [base.units[at], now.units[at]]
  if (before === undefined || after === undefined) return 'void'
  const isOver = now.elapsedMs >= LATEST_MS
  if (!isOver && (now.elapsedMs < LEAST_MS || after.tasks < TROUBLED_CALLS)) return 'more'
  if (after.troubles <= FEWER_TROUBLES * before.troubles) return 'accept'
  return now.rate >= (1 - BEARABLE_IN_ALL) * base.rate ? 'accept' : 'reject'
}

/** Relative size of the largest change of a proposal. */
function sizeOf({ changes }: Proposal): number {
  return Math.max(...changes.map(({ from, to }) => Math.abs(to / from - 1)))
}

function decide(margin: number, error: number, isOver: boolean, isVague: boolean): Judgement {
  if (margin > SURE * error) return 'accept'
  if (margin < -SURE * error) return 'reject'
  if (!isOver) return 'more'
  if (isVague) return 'void'
  return margin > 0 ? 'accept' : 'reject'
}
