import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { usableCores } from '../../machine/cores.ts'
import { type CpuTimes, cpuTimes } from '../../machine/cpu-times.ts'
import { memoryWaitMs } from './memory-waits.ts'

/** CPU use of a span of time: means, in cores. */
export interface CpuStats {
  /**
   * Cores that this process may use: its affinity, or the quota of its control group if that is
   * less.
   */
  readonly cores: number
  /**
   * Used by this process, all its threads, and on Linux its descendants. 1.5 is one and a half
   * cores.
   */
  readonly own: number
  /** Used by everybody else on these cores. */
  readonly others: number
  /**
   * Threads of this process and its descendants that were ready to run and had no core; `undefined`
   * where only Linux tells.
   */
  readonly waiting: number | undefined
}

/**
 * Reads what a pipeline's process uses of its event loop, of the CPU and of shared memory, from the
 * pipeline's start on.
 */
export class ProcessUse {
  readonly #cpuAtStart: CpuTimes = cpuTimes()
  readonly #loopAtStart: EventLoopUtilization = performance.eventLoopUtilization()
  #cpuAtEnd: CpuStats | undefined
  readonly #memoryAtStart: number = memoryWaitMs()
  #loopAtEnd: number | undefined
  #memoryAtEnd: number | undefined

  /** The pipeline has ended: what comes later is not its own. */
  stop(): void {
    this.#cpuAtEnd = this.cpu
    this.#loopAtEnd = this.loopUtilization
    this.#memoryAtEnd = this.memoryWaitMs
  }

  get cpu(): CpuStats {
    return this.#cpuAtEnd ?? cpuBetween(this.#cpuAtStart, cpuTimes())
  }

  /**
   * Milliseconds for which calls in this thread have waited for memory of a `SegmentPool`,
   * together.
   */
  get memoryWaitMs(): number {
    return this.#memoryAtEnd ?? memoryWaitMs() - this.#memoryAtStart
  }

  /** Share of the time in which the event loop did not wait. */
  get loopUtilization(): number {
    return this.#loopAtEnd ?? performance.eventLoopUtilization(this.#loopAtStart).utilization
  }
}

/** Means between two readings. */
function cpuBetween(from: CpuTimes, to: CpuTimes): CpuStats {
  const { count: cores, numbers } = usableCores()
  const passedMs = to.atMs - from.atMs
  if (passedMs <= 0) return { ...noCpu, cores }
  // Counts fall when a process ends unseen by its parent: never below nothing.
  const own = Math.max(0, to.ownMs - from.ownMs) / passedMs
  const busy = Math.max(0, to.busyMs - from.busyMs) / passedMs
  // With a quota there are more CPUs than cores' worth of time: others may use these without taking
  // anything away.
  const spare = Math.max(0, (numbers?.size ?? cores) - cores)
  const others = Math.min(cores, Math.max(0, busy - own - spare))
  const waiting =
    from.waitMs === undefined || to.waitMs === undefined
      ? undefined
      : Math.max(0, to.waitMs - from.waitMs) / passedMs
  return { cores, own, others, waiting }
}

/** Of what has not begun. */
export const noCpu: CpuStats = { cores: 0, own: 0, others: 0, waiting: undefined }

/** Means of the span between two readings since the start. */
export function cpuStatsBetween(
  before: { readonly cpu: CpuStats; readonly elapsedMs: number },
  after: { readonly cpu: CpuStats; readonly elapsedMs: number },
): CpuStats {
  const spanMs = after.elapsedMs - before.elapsedMs
  const mean = (of: (cpu: CpuStats) => number): number =>
    spanMs <= 0
      ? 0
      : Math.max(0, of(after.cpu) * after.elapsedMs - of(before.cpu) * before.elapsedMs) / spanMs
  const isTold = after.cpu.waiting !== undefined
  return {
    cores: after.cpu.cores,
    own: mean(({ own }) => own),
    others: mean(({ others }) => others),
    waiting: isTold ? mean(({ waiting }) => waiting ?? 0) : undefined,
  }
}
