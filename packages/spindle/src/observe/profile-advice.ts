import type {
  ProfileAdvice,
  ProfileLevel,
  ProfileLimit,
  SourceProfile,
  StageProfile,
} from './profile-types.ts'

/** A smaller gain is not worth a change, and may be noise. */
const LEAST_GAIN = 1.2
/** A rate that is so near to another one is as good. */
const AS_GOOD = 0.9
/** What noise may make of a rate at most, before it is called another one. */
const MOST_NOISE = 0.15
/** Above this share of its inputs, failures say more than the rate. */
const MOST_FAILED = 0.5

/**
 * A chain of stages as it was measured: what it begins with, and the chains that are merged there.
 */
export interface MeasuredChain {
  readonly source: SourceProfile | undefined
  readonly inputs: readonly MeasuredChain[]
  readonly stages: readonly StageProfile[]
  /** Items that come out of the chain for each that its source gives. */
  readonly yield: number
}

/** The least concurrency whose rate is as good as the best. */
export function kneeOf(levels: readonly ProfileLevel[]): number | undefined {
  const best = Math.max(...levels.map(({ perSecond }) => perSecond))
  return levels.find((level) => reaches(level, best))?.concurrency
}

export function shapeOf(levels: readonly ProfileLevel[]): StageProfile['shape'] {
  const best = Math.max(...levels.map(({ perSecond }) => perSecond))
  const [first, last] = [levels[0]?.perSecond ?? 0, levels.at(-1)?.perSecond ?? 0]
  if (last < 0.8 * best) return 'falls'
  if (best < LEAST_GAIN * first) return 'flat'
  const lastButOne = levels.at(-2)?.perSecond ?? last
  return last > LEAST_GAIN * lastButOne ? 'scales' : 'saturates'
}

/** Whether so many of a stage's inputs failed that its rates are of failing. */
export function isFailing({ levels }: StageProfile): boolean {
  return levels.length > 0 && levels.every(({ failedShare }) => failedShare > MOST_FAILED)
}

/**
 * The level of the concurrency that the stage has in the pipeline; the next lower one where that
 * was not measured.
 */
export function levelNow({ levels, concurrency }: StageProfile): ProfileLevel | undefined {
  return levels.findLast((level) => level.concurrency <= concurrency) ?? levels[0]
}

/**
 * What lets the fewest items of the source through if each stage had the concurrency of its knee.
 * `cores`: those of the machine.
 */
export function limitOf(chain: MeasuredChain, cores: number): ProfileLimit | undefined {
  const limits = [
    sourceLimit(chain, cores),
    ...chain.stages.filter((stage) => stage.levels.length > 0 && !isFailing(stage)).map(stageLimit),
  ].filter((limit) => limit !== undefined)
  const least = lowest(limits)
  const shared = lowest(
    [loopLimit(chain.stages), coreLimit(chain.stages, cores)].filter(
      (limit) => limit !== undefined,
    ),
  )
  if (least === undefined) return undefined
  // Stages are measured one at a time: what they share may be too little for all of them.
  return shared !== undefined && shared.perSecond < AS_GOOD * least.perSecond ? shared : least
}

/**
 * Stages of which a higher concurrency makes the pipeline faster, each with the smallest number
 * that does.
 */
export function adviceOf(
  chain: MeasuredChain,
  limit: ProfileLimit | undefined,
  cores: number,
): readonly ProfileAdvice[] {
  if (limit === undefined) return []
  const merged = sourceLimit(chain, cores)
  const share = merged === undefined ? 1 : Math.min(1, limit.perSecond / merged.perSecond)
  const inner = chain.inputs.flatMap((input) => {
    const own = limitOf(input, cores)
    return own === undefined
      ? []
      : adviceOf(input, { ...own, perSecond: own.perSecond * share }, cores)
  })
  return [...inner, ...chain.stages.flatMap((stage) => adviceFor(stage, limit.perSecond) ?? [])]
}

function adviceFor(stage: StageProfile, limitPerSecond: number): ProfileAdvice | undefined {
  const now = levelNow(stage)
  if (now === undefined || isFailing(stage) || now.perSecond <= 0) return undefined
  const wanted = limitPerSecond / stage.sourceItemsPerInput
  const best = Math.min(wanted, Math.max(...stage.levels.map(({ perSecond }) => perSecond)))
  const to = stage.levels.find((level) => level.perSecond >= AS_GOOD * best)
  if (to === undefined || to.concurrency === stage.concurrency) return undefined
  const gain = Math.min(to.perSecond, wanted) / now.perSecond
  // Two rates that noise makes of one differ by no more than that.
  const isSure = to.perSecond * (1 - noiseOf(to)) > now.perSecond * (1 + noiseOf(now))
  if (gain < LEAST_GAIN || !isSure) return undefined
  return {
    stage: stage.name,
    where: stage.where,
    from: stage.concurrency,
    to: to.concurrency,
    gain,
  }
}

function stageLimit(stage: StageProfile): ProfileLimit {
  const { name, sourceItemsPerInput } = stage
  return { kind: 'stage', stage: name, perSecond: atKnee(stage).perSecond * sourceItemsPerInput }
}

/** What the chain begins with: its source, or all that is merged there. */
function sourceLimit({ source, inputs }: MeasuredChain, cores: number): ProfileLimit | undefined {
  if (inputs.length === 0)
    return source?.perSecond === undefined
      ? undefined
      : { kind: 'source', stage: source.name, perSecond: source.perSecond }
  const limits = inputs.map((input) => ({ limit: limitOf(input, cores), gives: input.yield }))
  const least = lowest(limits.flatMap(({ limit }) => limit ?? []))
  if (least === undefined || limits.some(({ limit }) => limit === undefined)) return undefined
  const perSecond = limits.reduce(
    (sum, { limit, gives }) => sum + (limit?.perSecond ?? 0) * gives,
    0,
  )
  return { ...least, perSecond }
}

/** All ops of the loop take turns on it. */
function loopLimit(stages: readonly StageProfile[]): ProfileLimit | undefined {
  return sharedLimit('loop', 1, stages, ({ loopShare }) => loopShare)
}

function coreLimit(stages: readonly StageProfile[], cores: number): ProfileLimit | undefined {
  return sharedLimit('cpu', cores, stages, ({ cpuCores }) => cpuCores)
}

function sharedLimit(
  kind: 'loop' | 'cpu',
  has: number,
  stages: readonly StageProfile[],
  uses: (level: ProfileLevel) => number,
): ProfileLimit | undefined {
  const used = stages
    .filter((stage) => stage.levels.length > 0 && !isFailing(stage))
    .map((stage) => {
      const level = atKnee(stage)
      const perSecond = level.perSecond * stage.sourceItemsPerInput
      return { stage: stage.name, seconds: perSecond > 0 ? uses(level) / perSecond : 0 }
    })
  const seconds = used.reduce((sum, one) => sum + one.seconds, 0)
  // One alone was measured as it is.
  if (used.length < 2 || seconds <= 0) return undefined
  const most = used.reduce((one, other) => (other.seconds > one.seconds ? other : one))
  return { kind, stage: most.stage, perSecond: has / seconds }
}

function atKnee({ levels, knee }: StageProfile): ProfileLevel {
  return levels.find(({ concurrency }) => concurrency === knee) ?? (levels[0] as ProfileLevel)
}

function reaches(level: ProfileLevel, best: number): boolean {
  return (
    level.perSecond * (1 + noiseOf(level)) >= best * AS_GOOD && level.perSecond >= best / LEAST_GAIN
  )
}

function noiseOf({ spread }: ProfileLevel): number {
  return Math.min(spread, MOST_NOISE)
}

function lowest(limits: readonly ProfileLimit[]): ProfileLimit | undefined {
  return limits.reduce<ProfileLimit | undefined>(
    (least, each) => (least === undefined || each.perSecond < least.perSecond ? each : least),
    undefined,
  )
}
