import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { usableCores } from '../../machine/cores.ts'
import { type CpuTimes, cpuTimes } from '../../machine/cpu-times.ts'
import { memoryWaitMs } from './memory-waits.ts'

/** Mean CPU use over a time span, in cores. */
export interface CpuStats {
  /**
   * Cores that this process may use: its affinity, or the quota of its control group if that is
   * smaller.
   */
  readonly cores: number
  /**
   * Use by this process with all its threads, and on Linux with its descendants. 1.5 means one and
   * a half cores.
   */
  readonly own: number
  /** Use of these cores by other programs. */
  readonly others: number
  /**
   * Threads of this process and its descendants that were ready to run and had no core. `undefined`
   * on systems other than Linux.
   */
  readonly waiting: number | undefined
}

/**
 * Measures the use of the event loop, the CPU and shared memory by the pipeline's process, from the
 * start of the pipeline.
 */
export class ProcessUse {
  readonly #cpuAtStart: CpuTimes = cpuTimes()
  readonly #loopAtStart: EventLoopUtilization = performance.eventLoopUtilization()
  #cpuAtEnd: CpuStats | undefined
  readonly #memoryAtStart: number = memoryWaitMs()
  #loopAtEnd: number | undefined
  #memoryAtEnd: number | undefined

  /** Ends the measurement at the end of the pipeline. */
  stop(): void {
    this.#cpuAtEnd = this.cpu
    this.#loopAtEnd = this.loopUtilization
    this.#memoryAtEnd = this.memoryWaitMs
  }

  get cpu(): CpuStats {
    return this.#cpuAtEnd ?? cpuBetween(this.#cpuAtStart, cpuTimes())
  }

  /**
   * Milliseconds for which calls in this thread have waited for memory of a `SegmentPool`, over all
   * calls.
   */
  get memoryWaitMs(): number {
    return this.#memoryAtEnd ?? memoryWaitMs() - this.#memoryAtStart
  }

  /** Share of the time in which the event loop was busy. */
  get loopUtilization(): number {
    return this.#loopAtEnd ?? performance.eventLoopUtilization(this.#loopAtStart).utilization
  }
}

/** Means between two readings. */
function cpuBetween(from: CpuTimes, to: CpuTimes): CpuStats {
  const { count: cores, numbers } = usableCores()
  const passedMs = to.atMs - from.atMs
  if (passedMs <= 0) return { ...noCpu, cores }
  // Counts fall when a process ends unseen by its parent, so never go below 0.
  const own = Math.max(0, to.ownMs - from.ownMs) / passedMs
  const busy = Math.max(0, to.busyMs - from.busyMs) / passedMs
  // With a quota, the machine has more CPU time than the quota allows. Other programs may use the
  // rest without taking anything from this process.
  const spare = Math.max(0, (numbers?.size ?? cores) - cores)
  const others = Math.min(cores, Math.max(0, busy - own - spare))
  const waiting =
    from.waitMs === undefined || to.waitMs === undefined
      ? undefined
      : Math.max(0, to.waitMs - from.waitMs) / passedMs
  return { cores, own, others, waiting }
}

/** The use before the start. */
export const noCpu: CpuStats = { cores: 0, own: 0, others: 0, waiting: undefined }

/** Means of the time between two readings, each of which counts from the start. */
export function cpuStatsBetween(
  before: { readonly cpu: CpuStats; readonly elapsedMs: number },
  after: { readonly cpu: CpuStats; readonly elapsedMs: number },
): CpuStats {
  const spanMs = after.elapsedMs - before.elapsedMs
  const mean = (of: (cpu: CpuStats) => number): number =>
    spanMs <= 0
      ? 0
      : Math.max(0, of(after.cpu) * after.elapsedMs - of(before.cpu) * before.elapsedMs) / spanMs
  const isKnown = after.cpu.waiting !== undefined
  return {
    cores: after.cpu.cores,
    own: mean(({ own }) => own),
    others: mean(({ others }) => others),
    waiting: isKnown ? mean(({ waiting }) => waiting ?? 0) : undefined,
  }
}
