import { cpus } from 'node:os'
import { join } from 'node:path'
import { checkOptions } from '../../check.ts'
import { parsed } from '../../machine/proc-files.ts'
import { type MachineCpu, parseMachineStat, parseNetDev } from '../../machine/proc-parse.ts'
import { clockMs } from '../../timers.ts'
import { readTree, type TreeUsage } from './process-tree.ts'

/**
 * What this process and its descendants have used, up to now. Sizes are in bytes, times in
 * milliseconds.
 */
export interface ResourceUsage {
  /** `performance.now()` of the reading. */
  readonly atMs: number
  /** Processes counted: this one and, on Linux, its descendants. */
  readonly processes: number
  /** Threads of all of them; `undefined` where only Linux tells. */
  readonly threads: number | undefined
  /** CPU time in user code and in the kernel, children that have ended included. */
  readonly userMs: number
  readonly systemMs: number
  /** Resident memory. Pages that processes share count for each. */
  readonly rssBytes: number
  /**
   * Proportional memory: shared pages are divided among those who share them. Linux, and only if
   * asked for.
   */
  readonly pssBytes: number | undefined
  /** Memory that no other process shares. Likewise. */
  readonly privateBytes: number | undefined
  /** Bytes from and to storage (not the page cache); `undefined` where only Linux tells. */
  readonly readBytes: number | undefined
  readonly writtenBytes: number | undefined
  /** Times that threads gave up the CPU by waiting, and times that it was taken from them. */
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  /** Thread time spent ready to run without a CPU; `undefined` where only Linux tells. */
  readonly cpuWaitMs: number | undefined
  /** The whole machine (on Linux: the network as this process sees it, without the loopback). */
  readonly machine: MachineUsage
}

/** What everybody on the machine has used since it started. */
export interface MachineUsage extends MachineCpu {
  readonly receivedBytes: number | undefined
  readonly sentBytes: number | undefined
}

/** Options of `resourceUsage()`. */
export interface ResourceUsageOptions {
  /**
   * Whether `pssBytes` and `privateBytes` are wanted. The kernel walks the page tables for them:
   * some milliseconds a GB. Default false.
   */
  readonly pss?: boolean
}

/**
 * Reads what this process and its descendants have used: from /proc on Linux, in about a
 * millisecond a process; elsewhere what Node tells of this process alone.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { resourceUsage } from 'spindle'
 *
 * const { rssBytes, userMs, systemMs } = resourceUsage()
 * assert.ok(rssBytes > 1e6 && userMs + systemMs > 0)
 * ```
 */
export function resourceUsage(options: ResourceUsageOptions = {}): ResourceUsage {
  checkOptions(options, ['pss'])
  return process.platform === 'linux'
    ? readLinux('/proc', process.pid, options.pss === true)
    : readElsewhere()
}

/** By a folder that looks like /proc. @internal */
export function readLinux(root: string, pid: number, withPss: boolean): ResourceUsage {
  const atMs = clockMs()
  const tree: TreeUsage = readTree(root, pid, withPss)
  const net = parsed(join(root, 'net/dev'), parseNetDev)
  const machine = parsed(join(root, 'stat'), parseMachineStat) ?? machineByNode()
  return {
    atMs,
    ...tree,
    machine: { ...machine, receivedBytes: net?.receivedBytes, sentBytes: net?.sentBytes },
  }
}

/** What Node tells on every system. @internal */
export function readElsewhere(): ResourceUsage {
  const { userCPUTime, systemCPUTime, voluntaryContextSwitches, involuntaryContextSwitches } =
    process.resourceUsage()
  return {
    atMs: clockMs(),
    processes: 1,
    threads: undefined,
    userMs: userCPUTime / 1000,
    systemMs: systemCPUTime / 1000,
    rssBytes: process.memoryUsage.rss(),
    pssBytes: undefined,
    privateBytes: undefined,
    readBytes: undefined,
    writtenBytes: undefined,
    voluntarySwitches: voluntaryContextSwitches,
    involuntarySwitches: involuntaryContextSwitches,
    cpuWaitMs: undefined,
    machine: { ...machineByNode(), receivedBytes: undefined, sentBytes: undefined },
  }
}

/** Not on Linux, where it reads the slow /proc/cpuinfo, too. */
function machineByNode(): MachineCpu {
  const cores = cpus()
  const sum = (of: (times: ReturnType<typeof cpus>[number]['times']) => number): number =>
    cores.reduce((total, { times }) => total + of(times), 0)
  const busyMs = sum(({ user, nice, sys, irq }) => user + nice + sys + irq)
  return { cores: cores.length, busyMs, totalMs: busyMs + sum(({ idle }) => idle) }
}
