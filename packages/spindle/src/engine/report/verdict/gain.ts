import {
  type CpuLoad,
  cpuBound,
  type Loads,
  type NextLimit,
  nextLimit,
  type StageLoad,
} from './loads.ts'

/** Nothing is advised that gives less. */
export const LEAST_GAIN = 1.2
/** The most that one step promises: what lies beyond is told by the next run. */
const MOST_STEP = 4
/** Two parts that are both near their limit wait for each other at times. */
const COUPLING = 0.85
/** A loop or a CPU is not used to the last percent, nor are more slots. */
const NEARLY = 0.95

/** What a change would bring. */
export interface Gain {
  readonly factor: number
  /** What keeps it from being more. */
  readonly by: NextLimit
}

/**
 * What the rest of the pipeline, the loop and the cores allow if one part were that much wider.
 * `loop`: how much of the loop stays in use.
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

/** The smallest whole number of slots or workers that reaches a gain, and the gain it gives. */
export function stepTo(from: number, inUse: number, gain: number): { to: number; promise: number } {
  const to = Math.max(from, Math.ceil(inUse * gain - 0.05))
  return { to, promise: Math.min(gain, to / inUse) * NEARLY }
}

/** What limits next, in words. */
export function limitInWords({ name }: NextLimit, { cores }: CpuLoad): string {
  if (name === 'consumer') return 'the consumer'
  if (name === 'loop') return 'the event loop'
  if (name === 'cpu') return `the CPU (${cores} ${cores === 1 ? 'core' : 'cores'})`
  return `stage "${name}"`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function times(factor: number): string {
  return `${factor.toFixed(1)} times`
}

/** How many cores others use, if it matters. */
export function othersInWords({ others, cores }: CpuLoad): string {
  return others >= 0.25 * cores ? `, others ${others.toFixed(1)}` : ''
}

export function nameOf(stage: StageLoad | undefined): string {
  return stage?.name ?? 'source'
}
