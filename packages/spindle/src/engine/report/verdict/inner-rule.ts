import type { LevelSums } from '../../stats/levels.ts'
import type { StageStats } from '../../stats/pipeline-stats.ts'
import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN } from './gain.ts'
import {
  cpuOfWorker,
  type Loads,
  MOSTLY_COMPUTES,
  machineEvidence,
  nextLimit,
  placesOf,
  round,
  type StageLoad,
} from './loads.ts'

/** Compares the durations of a stage's calls when many and when few were running. */
export interface Trend {
  /**
   * The usual number of running calls and their mean duration in milliseconds, and the same for
   * times with fewer calls.
   */
  readonly calls: number
  readonly meanMs: number
  readonly fewerCalls: number
  readonly fewerMeanMs: number
  /** The shortest mean duration over all numbers of running calls. */
  readonly shortestMs: number
  /**
   * How the throughput grows with the number of calls: 1 is in proportion, 0 is not at all. By
   * Little's law, throughput is the number of calls divided by the duration of each.
   */
  readonly growth: number
  /** The same value under the assumption that the few samples look too good by chance. */
  readonly growthAtMost: number
  /** Whether the durations with fewer calls are those of any call at that time. */
  readonly isSure: boolean
}

/** Up to this growth, more calls do not increase the throughput. */
const FLAT = 0.4
/** Times with fewer calls: between these shares of the usual number. */
const FEWER = [0.2, 0.62] as const
const LEAST_SAMPLES = 2
/**
 * From this number on, samples whose relative deviation is this share of that of the usual calls
 * are steady. The error of so few samples is larger by the last factor.
 */
const STEADY_SAMPLES = 3
const STEADY = 0.12
const SMALL_SAMPLE = 3
/** Relative deviation of the usual calls up to which few samples are enough. */
const EVEN = 0.25

/**
 * Calculates the trend from a stage's call durations, grouped by how many calls were running.
 * `undefined` if there are too few samples with fewer calls. Those samples come mostly from the
 * beginning, when other effects may delay calls. So several groups are tried, starting with the
 * fewest calls, and the flattest trend is taken.
 */
export function trendOf({ sums: { levels } }: StageStats): Trend | undefined {
  const usual = levels.reduce<LevelSums | undefined>(
    (most, level) => (most === undefined || level.total > most.total ? level : most),
    undefined,
  )
  if (usual === undefined || usual.calls < 8 || usual.ms <= 0) return undefined
  const below = levels.filter((level) => shareOf(level, usual) <= FEWER[1])
  const near = below.filter((level) => shareOf(level, usual) >= FEWER[0])
  const shortestMs = Math.min(
    ...levels.filter(({ calls }) => calls > 0).map(({ calls, ms }) => ms / calls),
  )
  return [
    ...near.map((_, i) => trendBetween(near.slice(0, i + 1), usual, shortestMs)),
    // Much fewer calls show more, but only if their durations are sure.
    ...below
      .map((_, i) => trendBetween(below.slice(0, i + 1), usual, shortestMs))
      .filter((trend) => trend?.isSure === true),
  ].reduce<Trend | undefined>(
    (flattest, trend) =>
      trend !== undefined &&
      trend.growthAtMost < (flattest?.growthAtMost ?? Number.POSITIVE_INFINITY)
        ? trend
        : flattest,
    undefined,
  )
}

function shareOf(level: LevelSums, usual: LevelSums): number {
  if (level.calls === 0) return Number.POSITIVE_INFINITY
  return level.running / level.calls / (usual.running / usual.calls)
}

function trendBetween(
  fewer: readonly LevelSums[],
  usual: LevelSums,
  shortestMs: number,
): Trend | undefined {
  const sum = (of: (level: LevelSums) => number): number =>
    fewer.reduce((total, level) => total + of(level), 0)
  const samples = sum((level) => level.calls)
  if (samples < LEAST_SAMPLES) return undefined
  const calls = usual.running / usual.calls
  const meanMs = usual.ms / usual.calls
  const fewerCalls = sum((level) => level.running) / samples
  const fewerMeanMs = sum((level) => level.ms) / samples
  // The possible error of a mean of so few samples, if they vary like the usual calls. Samples that
  // hardly vary show that the usual calls vary because they wait for each other.
  const usualMs = deviation(usual.squares, usual.ms, usual.calls)
  const ownMs = deviation(
    sum((level) => level.squares),
    fewerMeanMs * samples,
    samples,
  )
  const isSteady = samples >= STEADY_SAMPLES && ownMs / fewerMeanMs < STEADY * (usualMs / meanMs)
  const offMs = (isSteady ? SMALL_SAMPLE * ownMs : usualMs) / Math.sqrt(samples)
  const growthBy = (ms: number): number =>
    Math.log(calls / meanMs / (fewerCalls / Math.max(ms, 1e-6))) / Math.log(calls / fewerCalls)
  return {
    calls,
    meanMs,
    fewerCalls,
    fewerMeanMs,
    shortestMs,
    growth: growthBy(fewerMeanMs),
    growthAtMost: growthBy(fewerMeanMs + offMs),
    isSure: samples >= STEADY_SAMPLES && (isSteady || usualMs < EVEN * meanMs),
  }
}

function deviation(squares: number, ms: number, calls: number): number {
  return Math.sqrt(Math.max(0, squares / calls - (ms / calls) ** 2))
}

/** The stage's calls wait for each other, inside the op or in what it calls. */
export function innerLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const trend = trendOf(busiest.stats)
  if (trend === undefined || trend.growthAtMost > FLAT) return undefined
  const { name } = busiest
  // In a region, each worker has its own calls, and the concurrency is per worker.
  const places = placesOf(busiest)
  const concurrency = busiest.stats.concurrency / places
  const { calls, meanMs, fewerCalls, fewerMeanMs } = trend
  // By Little's law, the number of calls at work is the throughput multiplied by the duration of a
  // call that does not wait.
  const rate = Math.max(busiest.running / places / busiest.stats.meanMs, calls / meanMs)
  const atWork = callsAtWork(rate, trend.shortestMs, busiest.stats.sums.levels)
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const isUv = Math.abs(atWork - threads) <= 1 && gainOf(loads, [name]).factor >= LEAST_GAIN
  const isLess = atWork < concurrency
  return {
    stage: name,
    kind: 'inner',
    reason: `its calls wait for each other: with ${fewerCalls.toFixed(0)} at a time one took ${ms(fewerMeanMs)}, with ${calls.toFixed(0)} it takes ${ms(meanMs)}, and no more of them are done. About ${atWork} at a time is what it does`,
    advice: `${isLess ? `a \`concurrency\` of ${atWork} instead of ${concurrency} does as much, with shorter waits; for more, widen` : 'widen'} what the calls share (a semaphore, a connection pool, a lock, the other side)${isUv ? `. If they work in Node's own thread pool (files, zlib, crypto, sharp), which has ${threads} threads, set UV_THREADPOOL_SIZE` : ''}`,
    evidence: {
      calls: round(calls),
      meanMs: round(meanMs),
      fewerCalls: round(fewerCalls),
      fewerMeanMs: round(fewerMeanMs),
      atWork,
      growth: round(trend.growth),
      concurrency,
      ...machineEvidence(loads),
    },
    promise: 1,
    ...(isLess
      ? { change: { stage: name, option: 'concurrency' as const, from: concurrency, to: atWork } }
      : {}),
    headroom: Math.max(1, nextLimit(loads, [name]).factor),
  }
}

/**
 * How many calls work at a time: those that fit in the duration of a call that does not wait. The
 * shortest mean is often a lucky one, so then all levels up to that number count.
 */
function callsAtWork(rate: number, shortestMs: number, levels: readonly LevelSums[]): number {
  const inWhole = (ms: number): number => Math.max(1, Math.ceil(rate * ms - 0.15))
  const least = inWhole(shortestMs)
  const free = levels.filter(({ calls, running }) => calls > 0 && running / calls <= least + 0.5)
  const calls = free.reduce((sum, level) => sum + level.calls, 0)
  const ms = free.reduce((sum, level) => sum + level.ms, 0)
  return Math.max(least, calls > 0 ? inWhole(ms / calls) : 0)
}

/**
 * The calls of busy workers wait for each other: for a lock, or for a server. More workers would
 * only wait too. Waiting for a worker is no part of the durations.
 */
export function innerLimitsOfPool(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const { workers } = busiest.stats
  if (workers === undefined || workers.isRegion) return undefined
  return cpuOfWorker(loads) >= MOSTLY_COMPUTES ? undefined : innerLimits(loads, busiest)
}

function ms(value: number): string {
  return `${value.toPrecision(2)} ms`
}
