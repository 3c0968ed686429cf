import {
  type CpuLoad,
  cpuBound,
  type Loads,
  type NextLimit,
  nextLimit,
  type StageLoad,
} from './loads.ts'

/** Changes with a smaller gain are not advised. */
export const LEAST_GAIN = 1.2
/** The largest gain that one step promises. The next run shows whether more is possible. */
const MOST_STEP = 4
/** Two parts that are both near their limit sometimes wait for each other. */
const COUPLING = 0.85
/** An event loop, a CPU or additional slots are never used completely. */
const NEARLY = 0.95

/** The expected effect of a change. */
export interface Gain {
  readonly factor: number
  /** What limits the gain. */
  readonly by: NextLimit
}

/**
 * The gain that the other parts, the event loop and the cores allow if one part becomes wider.
 * `loop`: the share of the event loop that stays in use.
 */
export function gainOf(
  loads: Loads,
  but: readonly string[],
  options: { readonly loop?: number; readonly usesCpu?: boolean; readonly atMost?: NextLimit } = {},
): Gain {
  const next = nextLimit(loads, but, options.loop)
  const bounds: NextLimit[] = [
    { name: next.name, factor: next.factor * (next.name === 'loop' ? NEARLY : COUPLING) },
    { name: 'cpu', factor: options.usesCpu === false ? MOST_STEP : cpuBound(loads.cpu) * NEARLY },
    ...(options.atMost === undefined ? [] : [options.atMost]),
    { name: 'step', factor: MOST_STEP },
  ]
  const by = bounds.reduce((least, each) => (each.factor < least.factor ? each : least))
  return { factor: Math.max(1, by.factor), by }
}

/**
 * The smallest whole number of slots or workers that reaches a gain, and the gain that it gives.
 */
export function stepTo(from: number, inUse: number, gain: number): { to: number; promise: number } {
  const to = Math.max(from, Math.ceil(inUse * gain - 0.05))
  return { to, promise: Math.min(gain, to / inUse) * NEARLY }
}

/** How long new threads or processes take to start, in milliseconds. */
const STARTS_MS = 80

/**
 * A step for a run that is over, which had so many calls: the last of them leave slots idle. With
 * 18 calls, 4 slots take 5 rounds and 16 slots take 2, so the gain is 2.5. `areWorkers`: more slots
 * are more workers, which start first.
 */
export function stepOfRun(
  { stats: { state, elapsedMs } }: Loads,
  { to, promise }: { readonly to: number; readonly promise: number },
  from: number,
  calls: number,
  areWorkers = false,
): { to: number; promise: number } {
  if (state !== 'done' || calls === 0) return { to, promise }
  const rounds = Math.ceil(calls / to)
  const most = Math.min(promise, (Math.ceil(calls / from) / rounds) * NEARLY)
  const startsMs = areWorkers ? STARTS_MS : 0
  return {
    to: Math.max(from, Math.ceil(calls / rounds)),
    promise: elapsedMs / (elapsedMs / Math.max(most, 1e-6) + startsMs),
  }
}

/** The next limit as text. */
export function limitInWords({ name }: NextLimit, { cores }: CpuLoad): string {
  if (name === 'consumer') return 'the consumer'
  if (name === 'loop') return 'the event loop'
  if (name === 'step') return 'something else than its slots'
  if (name === 'cpu') return `the CPU (${cores} ${cores === 1 ? 'core' : 'cores'})`
  return `stage "${name}"`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function times(factor: number): string {
  return `${factor.toFixed(1)} times`
}

/** How many cores other programs use, as text, if it matters. */
export function othersInWords({ others, cores }: CpuLoad): string {
  return others >= 0.25 * cores ? `, others ${others.toFixed(1)}` : ''
}

export function nameOf(stage: StageLoad | undefined): string {
  return stage?.name ?? 'source'
}
