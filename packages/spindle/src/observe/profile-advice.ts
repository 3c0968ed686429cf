import type {
  ProfileAdvice,
  ProfileLevel,
  ProfileLimit,
  SourceProfile,
  StageProfile,
} from './profile-types.ts'

/** A smaller gain is not worth a change and may be noise. */
const LEAST_GAIN = 1.2
/** A rate within this factor of another counts as equal. */
const AS_GOOD = 0.9
/** Upper limit of the noise assumed for a rate. */
const MOST_NOISE = 0.15
/** Above this share of failed inputs, the rate is not meaningful. */
const MOST_FAILED = 0.5

/** A measured chain of stages: its source, or the chains that are merged at its beginning. */
export interface MeasuredChain {
  readonly source: SourceProfile | undefined
  readonly inputs: readonly MeasuredChain[]
  readonly stages: readonly StageProfile[]
  /** Number of items that leave the chain per item of its source. */
  readonly yield: number
}

/** The lowest concurrency whose rate is about as good as the best. */
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

/** Whether so many of a stage's inputs failed that its rates are the rates of failing. */
export function isFailing({ levels }: StageProfile): boolean {
  return levels.length > 0 && levels.every(({ failedShare }) => failedShare > MOST_FAILED)
}

/**
 * The level with the concurrency that the stage has in the pipeline; if that was not measured, the
 * next lower one.
 */
export function levelNow({ levels, concurrency }: StageProfile): ProfileLevel | undefined {
  return levels.findLast((level) => level.concurrency <= concurrency) ?? levels[0]
}

/**
 * The lowest limit of the pipeline in source items per second if each stage had the concurrency of
 * its knee. `cores`: number of cores of the machine.
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
  // Stages are measured one at a time. Together they may need more of the loop or the cores than
  // there is.
  return shared !== undefined && shared.perSecond < AS_GOOD * least.perSecond ? shared : least
}

/**
 * The stages for which a higher concurrency makes the pipeline faster, each with the smallest
 * number that does.
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
  // The difference must be larger than the noise of both rates.
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

/** The limit at the beginning of the chain: its source, or the chains that are merged there. */
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

/** The limit of the event loop, which the ops on it share. */
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
  // One stage alone was measured with the whole resource.
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
