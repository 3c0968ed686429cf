import { type Figures, leastMsOf } from './figures.ts'
import { type Proposal, SATISFIED } from './proposal.ts'

/** `'void'`: others disturbed it so much that it says nothing. */
export type Verdict = 'accept' | 'reject' | 'more' | 'void'

/** Growth of the rate that more slots must bring, and loss that fewer may cost. */
const WORTH = 0.03
const BEARABLE = 0.02
/** Fewer slots, one step after the other, may not lose more than this of the best that was seen. */
const BEARABLE_IN_ALL = 0.04

/** Of a step's size: changes smaller than this share of it are no proof of it. */
const PROOF = 0.35

const LEAST_MS = 250
const LEAST_ITEMS = 12
const LONGEST_MS = 3000
const LATEST_MS = 8000
/** Standard errors that a verdict must be away from the other one. */
const SURE = 2
/**
 * Cores that others leave: if they are so different, rates are compared a core, where cores limit.
 */
const OTHER_CORES = 0.15
const CORES_FULL = 0.9
const CORES_USED = 0.5
/** Cores in use from which on others' use of them can matter. */
const CPU_MATTERS = 0.25
/** Share of the machine's cores from which on others leave what there is. */
const UNDISTURBED = 0.9

/** What came of a trial: as early as it is clear. `best`: the highest rate that is certain. */
export function judge(proposal: Proposal, base: Figures, now: Figures, best: number): Verdict {
  if (proposal.reason === 'errors') return judgeErrors(proposal, base, now)
  if (base.rate === 0) return now.elapsedMs >= LATEST_MS || now.items > 0 ? 'accept' : 'more'
  const { elapsedMs, items } = now
  const leastMs = leastMsOf(now.units, LEAST_MS, LONGEST_MS)
  const isLast = elapsedMs >= LATEST_MS
  const proof = PROOF * sizeOf(proposal)
  const isOver =
    isLast ||
    (elapsedMs >= LONGEST_MS && items >= LEAST_ITEMS && Math.hypot(now.error, base.error) <= proof)
  // Few items are enough if hardly any come.
  const expected = base.rate * elapsedMs
  if (!isOver && (elapsedMs < leastMs || Math.max(items, expected) < LEAST_ITEMS)) return 'more'
  const others = base.cores / now.cores
  const isDisturbed = Math.abs(others - 1) > OTHER_CORES
  const areFull = base.cpu >= CORES_FULL * base.cores && now.cpu >= CORES_FULL * now.cores
  const used = Math.max(base.cpu / base.cores, now.cpu / now.cores)
  // A pipeline that waits for others, not for cores, is as fast beside busy processes.
  const doCoresMatter = areFull || (used > CORES_USED && Math.max(base.cpu, now.cpu) > CPU_MATTERS)
  const ratio = (now.rate / base.rate) * (isDisturbed && doCoresMatter ? others : 1)
  // Where the cores were in use, but not all of them, nobody knows what the others' part was.
  const isVague = isDisturbed && !areFull && doCoresMatter
  const error = Math.hypot(
    isVague ? Math.abs(others - 1) : 0,
    items === 0 ? 1 / Math.max(1, expected) : now.error * ratio,
    base.error * ratio,
  )
  // As long as it is not exact, what it says is weighed against what a step of that size would do
  // if it did all it could.
  const slack = Math.min(error, proof)
  if (proposal.isTrusted)
    return decide(ratio - 1 + error, error, isOver || elapsedMs >= LONGEST_MS, false)
  if (proposal.direction === 'up')
    return decide(ratio - (1 + Math.max(WORTH, slack)), error, isOver, isVague)
  // Who needs no more than there is loses nothing.
  if (base.waiting <= SATISFIED && now.waiting <= 2 * SATISFIED && elapsedMs >= leastMs)
    return 'accept'
  // Where the cores are as busy as before, as much is done as before.
  if (areFull && now.cores > UNDISTURBED * now.machine)
    return decide(
      ratio - 1 + Math.max(BEARABLE, error),
      error,
      isOver || elapsedMs >= LONGEST_MS,
      false,
    )
  // Fewer slots are no use in themselves: what stays unclear has to look no worse.
  if (isLast && error > proof / 2 && proposal.reason === 'climb')
    return ratio >= 1 ? 'accept' : 'reject'
  const least = Math.min(
    1 - BEARABLE,
    Math.max(1 - slack, (best / base.rate) * (1 - BEARABLE_IN_ALL)),
  )
  return decide(ratio - least, error, isOver, isVague)
}

/**
 * Of the share of troubled calls: what fewer calls at a time must leave of it, or it has nothing to
 * do with how many there are.
 */
const FEWER_TROUBLES = 0.7
/** Calls after which that is known. */
const TROUBLED_CALLS = 20

/** Fewer calls at a time are kept if they fail less often, or if nothing is lost by it. */
function judgeErrors({ changes }: Proposal, base: Figures, now: Figures): Verdict {
  const at = changes[0]?.tuned ?? 0
  const [before, after] = [base.units[at], now.units[at]]
  if (before === undefined || after === undefined) return 'void'
  const isOver = now.elapsedMs >= LATEST_MS
  if (!isOver && (now.elapsedMs < LEAST_MS || after.tasks < TROUBLED_CALLS)) return 'more'
  if (after.troubles <= FEWER_TROUBLES * before.troubles) return 'accept'
  return now.rate >= (1 - BEARABLE_IN_ALL) * base.rate ? 'accept' : 'reject'
}

/** By how much a proposal changes what it changes, as a share. */
function sizeOf({ changes }: Proposal): number {
  return Math.max(...changes.map(({ from, to }) => Math.abs(to / from - 1)))
}

function decide(margin: number, error: number, isOver: boolean, isVague: boolean): Verdict {
  if (margin > SURE * error) return 'accept'
  if (margin < -SURE * error) return 'reject'
  if (!isOver) return 'more'
  if (isVague) return 'void'
  return margin > 0 ? 'accept' : 'reject'
}
