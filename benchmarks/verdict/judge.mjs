// Whether a verdict is right: its kind, its stage, and that following it gives at least 0.8 of what
// it promises.
const KEPT = 0.8
const LEAST_GAIN = 1.2
const MUCH = 1.5
/** In cores. */
const CHANGED = 0.3

/** Whether what others used of the CPU changed within a round, so that its rates do not compare. */
function isDisturbed({ before, after, again }) {
  if (after === undefined) return false
  const others = [before, after, again].map(({ cpu }) => cpu.others)
  return Math.max(...others) - Math.min(...others) > CHANGED
}

/** `all`: the rounds so far. Those that others disturbed count only if all are so. */
export function judgeCase(each, all, isBusy) {
  const quiet = all.filter((round) => !isDisturbed(round))
  const rounds = quiet.length > 0 ? quiet : all
  return {
    ...judgeRounds(each, rounds, isBusy),
    isDisturbed: quiet.length === 0,
    rounds: all.length,
  }
}

function judgeRounds(each, rounds, isBusy) {
  const { kind, busyKind, stage, isShort, isUnknowable, kindAfter, isWithoutChange } = each
  const { bottleneck, missing, cpu, table } = rounds[0].before
  // Others may disturb it unasked, too.
  const hasNeighbours = isBusy || cpu.others > 0.25 * cpu.cores
  const expected = [hasNeighbours ? (busyKind ?? kind) : kind].flat()
  const faults = []
  if (isShort === true) {
    if (bottleneck !== undefined) faults.push(`a verdict (${bottleneck.kind}) of too little`)
    if (missing === undefined) faults.push('it does not say what is missing')
    return { faults, isRight: faults.length === 0, verdict: missing ?? 'none', cpu, table }
  }
  if (bottleneck === undefined)
    return { faults: [`no verdict: ${missing}`], isRight: false, verdict: missing, table }
  for (const { before } of rounds) {
    const said = before.bottleneck
    if (!expected.includes(said?.kind))
      faults.push(`it says ${said?.kind}, not ${expected.join(' or ')}`)
    if (stage !== undefined && said?.stage !== stage)
      faults.push(`it names ${said?.stage}, not ${stage}`)
    if (isWithoutChange === true && said?.promise > 1) faults.push(`it promises ${said.promise}`)
    if (said?.promise > 1 && said.promise < LEAST_GAIN)
      faults.push(`it advises a gain of ${said.promise}`)
  }
  const followed = rounds.filter(({ after }) => after !== undefined)
  const gains = followed.map(
    ({ before, after, again }) => (2 * after.rate) / (before.rate + again.rate),
  )
  const gain = median(gains)
  const { promise } = bottleneck
  const isInstead = bottleneck.change === undefined && each.follow === undefined
  if (gain !== undefined && !isInstead && isUnknowable !== true && gain < KEPT * promise)
    faults.push(`it promises ${promise.toFixed(2)} and gives ${gain.toFixed(2)}`)
  const later = followed[0]?.after.bottleneck?.kind
  if (kindAfter !== undefined && later !== kindAfter)
    faults.push(`after the change it says ${later}, not ${kindAfter}`)
  // Where nothing is promised, what one might try must not bring much.
  if (isInstead && gain > MUCH) faults.push(`it missed a gain of ${gain.toFixed(2)}`)
  const first = followed[0]
  return {
    faults,
    isRight: faults.length === 0,
    kind: bottleneck.kind,
    verdict: `${bottleneck.kind}: ${bottleneck.stage}: ${bottleneck.reason}`,
    advice: bottleneck.advice,
    evidence: bottleneck.evidence,
    promise,
    gain,
    isInstead,
    rates: first === undefined ? [] : [first.before.rate, first.after.rate, first.again.rate],
    others:
      first === undefined
        ? []
        : [first.before, first.after, first.again].map((run) => run.cpu.others),
    params: first?.params,
    table,
  }
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[sorted.length >> 1]
}
