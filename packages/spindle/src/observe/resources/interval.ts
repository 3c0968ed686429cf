import type { ResourceUsage } from './usage.ts'

/**
 * Resources used between two readings. Memory, processes and threads are those of the later
 * reading.
 */
export interface ResourceInterval {
  readonly elapsedMs: number
  readonly processes: number
  readonly threads: number | undefined
  /** Average number of busy CPU cores: 1.5 is one and a half. */
  readonly cpuCores: number
  readonly rssBytes: number
  readonly pssBytes: number | undefined
  readonly privateBytes: number | undefined
  readonly readBytes: number | undefined
  readonly writtenBytes: number | undefined
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  /**
   * Average number of threads that were ready to run but had no CPU. Near 0 unless the CPUs are
   * contended.
   */
  readonly threadsWaiting: number | undefined
  /** Number of cores of the machine. */
  readonly cores: number
  /** Share of the machine's CPU time used by all processes, 0 to 1. */
  readonly machineBusy: number
  /**
   * Share of the machine's CPU time used by other processes than this one and its descendants, 0 to 1.
   */
  readonly othersBusy: number
  /** Bytes received by the whole machine. */
  readonly receivedBytes: number | undefined
  readonly sentBytes: number | undefined
}

/** Resources used from one reading of `resourceUsage()` to a later one. */
export function resourcesBetween(before: ResourceUsage, after: ResourceUsage): ResourceInterval {
  const elapsedMs = after.atMs - before.atMs
  // Sums can shrink when a process ends without its parent waiting for it, so they are clamped at 0.
  const grown = (from: number, to: number): number => Math.max(0, to - from)
  const grownIfKnown = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined ? undefined : grown(from, to)
  const cpuMs = grown(before.userMs + before.systemMs, after.userMs + after.systemMs)
  const waitMs = grownIfKnown(before.cpuWaitMs, after.cpuWaitMs)
  const machineMs = grown(before.machine.totalMs, after.machine.totalMs)
  const machineBusy =
    machineMs > 0 ? Math.min(1, grown(before.machine.busyMs, after.machine.busyMs) / machineMs) : 0
  return {
    elapsedMs,
    processes: after.processes,
    threads: after.threads,
    cpuCores: elapsedMs > 0 ? cpuMs / elapsedMs : 0,
    rssBytes: after.rssBytes,
    pssBytes: after.pssBytes,
    privateBytes: after.privateBytes,
    readBytes: grownIfKnown(before.readBytes, after.readBytes),
    writtenBytes: grownIfKnown(before.writtenBytes, after.writtenBytes),
    voluntarySwitches: grown(before.voluntarySwitches, after.voluntarySwitches),
    involuntarySwitches: grown(before.involuntarySwitches, after.involuntarySwitches),
    threadsWaiting: waitMs === undefined || elapsedMs <= 0 ? undefined : waitMs / elapsedMs,
    cores: after.machine.cores,
    machineBusy,
    othersBusy:
      machineMs > 0 ? Math.max(0, machineBusy - Math.min(machineBusy, cpuMs / machineMs)) : 0,
    receivedBytes: grownIfKnown(before.machine.receivedBytes, after.machine.receivedBytes),
    sentBytes: grownIfKnown(before.machine.sentBytes, after.machine.sentBytes),
  }
}

/** Minimum share of the machine that other programs must use for a warning. */
const OTHERS_MATTER = 0.2
/** Minimum load of the machine for a warning. Below it, there is enough CPU for both. */
const MACHINE_FULL = 0.9

/**
 * A warning that other programs take CPU time which the pipeline could use. It needs three
 * conditions: others use more than a fifth of the machine, the machine has nothing to spare, and
 * the pipeline itself works. `undefined` otherwise.
 */
export function neighbourWarning(usage: ResourceInterval): string | undefined {
  const { othersBusy, machineBusy, cpuCores, cores, threadsWaiting } = usage
  if (othersBusy < OTHERS_MATTER || machineBusy < MACHINE_FULL) return undefined
  // A sleeping pipeline loses nothing.
  if (cpuCores < 0.2 && (threadsWaiting ?? 0) < 0.2) return undefined
  const waiting =
    threadsWaiting === undefined || threadsWaiting < 0.2
      ? ''
      : `; on average ${threadsWaiting.toFixed(1)} of the pipeline's threads waited for a CPU`
  return `other programs used ${Math.round(othersBusy * 100)} % of this machine's ${cores} cores, which were all busy (${Math.round(machineBusy * 100)} %)${waiting}. The figures are of a shared machine: the pipeline would be faster alone`
}
