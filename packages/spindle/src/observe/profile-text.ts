import { wrap } from '../cells.ts'
import { plain } from '../plain-text.ts'
import { drawTable, terminalColumns } from '../table.ts'
import { amount, duration, percent } from './number-text.ts'
import { isFailing, levelNow } from './profile-advice.ts'
import type {
  ProfileAdvice,
  ProfileLevel,
  ProfileLimit,
  ProfileResult,
  StageProfile,
} from './profile-types.ts'
import { median } from './sample.ts'

/** From this share of busy cores on, no core counts as free. */
const USED_UP = 0.9
const OWN_SHARE = 0.25
/** Other programs are mentioned if they use more than this share while no core is free. */
const OTHERS_MATTER = 0.2
const INDENT = '  '

type Printed = Omit<ProfileResult, 'toString'>

/**
 * A readable profile: each stage with its levels, the advice, and the limit of the pipeline if the
 * advice is followed.
 */
export function printProfile(
  result: Printed,
  cores: number,
  columns: number | undefined = terminalColumns(),
): string {
  const most = columns === undefined ? undefined : Math.max(1, columns - INDENT.length)
  const sources = result.sources.map(({ name, perSecond }) =>
    perSecond === undefined
      ? `${plain(name)}: too few items to tell its rate`
      : `${plain(name)}: gives ${amount(perSecond)} items/s`,
  )
  const stages = result.stages.flatMap((stage) => {
    const advice = result.advice.find(
      (one) => one.stage === stage.name && one.where === stage.where,
    )
    const isVaried = stage.levels.length > 1
    const text = [
      `${isVaried ? `${stage.shape}, ` : ''}${judge(stage, advice, result.limit)}`,
      ...notes(stage, cores),
    ].join('; ')
    const lines = stage.levels.length > 0 ? drawLevels(stage, advice, most) : []
    return [
      ...wrap(`${plain(stage.name)}: ${text}`, columns),
      ...lines.map((line) => INDENT + line),
    ]
  })
  return [
    ...sources.flatMap((line) => wrap(line, columns)),
    ...stages,
    ...wrap(verdict(result), columns),
    ...neighbours(result, cores).flatMap((line) => wrap(line, columns)),
  ].join('\n')
}

function drawLevels(
  stage: StageProfile,
  advice: ProfileAdvice | undefined,
  most: number | undefined,
): readonly string[] {
  const of = (heading: string, cell: (level: ProfileLevel) => string, rank?: number) => ({
    heading,
    cells: stage.levels.map(cell),
    rank,
  })
  const named = ({ concurrency }: ProfileLevel): string =>
    `${concurrency}${concurrency === stage.concurrency ? ' (now)' : concurrency === advice?.to ? ' (take)' : ''}`
  const hasFailed = stage.levels.some(({ failures }) => failures > 0)
  return drawTable(
    [
      of('concurrency', named),
      of('inputs/s', ({ perSecond }) => amount(perSecond)),
      of('+-', ({ spread }) => (Number.isFinite(spread) ? percent(spread) : '?'), 4),
      of('p50', ({ p50Ms }) => duration(p50Ms), 3),
      of('p99', ({ p99Ms }) => duration(p99Ms), 1),
      of('loop', ({ loopShare }) => percent(loopShare), 2),
      of('cores', ({ cpuCores }) => cpuCores.toFixed(1), 5),
      ...(hasFailed ? [of('failed', ({ failedShare }) => percent(failedShare))] : []),
    ],
    most,
  )
}

function judge(
  stage: StageProfile,
  advice: ProfileAdvice | undefined,
  limit: ProfileLimit | undefined,
): string {
  const { concurrency, levels, shape } = stage
  if (isFailing(stage)) return 'not judged: most of its inputs failed'
  if (levels.length === 1 && stage.unfilled.length === 0) return 'runs as it is'
  if (advice !== undefined) {
    const { to, gain } = advice
    const isLast = to === levels.at(-1)?.concurrency
    const more = shape === 'scales' && isLast && limit?.stage === stage.name ? ', and try more' : ''
    return `take ${to} instead of ${concurrency}: ${gain.toFixed(1)} times as fast${more}`
  }
  const now = levelNow(stage)
  const isLimit = limit === undefined || (limit.kind === 'stage' && limit.stage === stage.name)
  if (!isLimit)
    return `its concurrency of ${concurrency} is enough: ${limiting(limit)} the pipeline to ${amount(limit.perSecond)} items/s`
  if ((now?.loopShare ?? 0) > 0.5 && shape === 'flat')
    return 'it blocks the event loop: only worker threads make it faster'
  return `its concurrency of ${concurrency} is right`
}

/** Notes for a stage: no core was free, or there were too few inputs. */
function notes(stage: StageProfile, cores: number): readonly string[] {
  const { levels, unfilled } = stage
  // A stage that only waits does not use the cores; other programs that do are named below.
  const full = levels.find(
    ({ machineBusy, cpuCores }) => machineBusy >= USED_UP && cpuCores >= OWN_SHARE * cores,
  )
  const used =
    full === undefined
      ? []
      : [
          `from ${full.concurrency} on all ${cores === 1 ? '' : `${cores} `}cores are used up (${full.cpuCores.toFixed(1)} of them by this process)`,
        ]
  const untried =
    unfilled.length === 0 ? [] : [`${unfilled.join(', ')} not tried: it has fewer inputs`]
  return [...used, ...untried]
}

function verdict({ limit, stages }: Printed): string {
  if (limit === undefined || stages.length === 0) return 'Nothing was measured.'
  return `With these, ${limiting(limit)} the pipeline: ${amount(limit.perSecond)} items of the source a second.`
}

/** Warns if other programs used CPU during the measurement. */
function neighbours({ stages }: Printed, cores: number): readonly string[] {
  const levels = stages.flatMap((stage) => stage.levels)
  const others = levels.map(({ machineBusy, cpuCores }) =>
    Math.max(0, machineBusy - cpuCores / cores),
  )
  const share = median(others)
  if (share < OTHERS_MATTER || median(levels.map(({ machineBusy }) => machineBusy)) < USED_UP)
    return []
  return [
    `Noisy neighbours: other programs used ${percent(share)} of this machine's ${cores} cores. The figures are of a shared machine: measure again when it is quiet.`,
  ]
}

function limiting({ kind, stage }: ProfileLimit): string {
  const name = plain(stage)
  if (kind === 'loop')
    return `the event loop, which all stages share and ${name} holds most, limits`
  if (kind === 'cpu') return `the cores, which all stages share and ${name} uses most, limit`
  return kind === 'source'
    ? `the source ${name === 'source' ? '' : `${name} `}limits`
    : `${name} limits`
}
