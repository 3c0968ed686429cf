import { cpus } from 'node:os'
import { join } from 'node:path'
import { parsed } from '../../machine/proc-files.ts'
import { type MachineCpu, parseMachineStat, parseNetDev } from '../../machine/proc-parse.ts'
import { boolean, options, type Rules } from '../../options/index.ts'
import { clockMs } from '../../timers.ts'
import { readTree, type TreeUsage } from './process-tree.ts'

/**
 * Resources that this process and its descendants have used so far. Sizes are in bytes, times in
 * milliseconds.
 */
export interface ResourceUsage {
  /** Time of the reading, as `performance.now()`. */
  readonly atMs: number
  /** Number of processes: this one and, on Linux, its descendants. */
  readonly processes: number
  /** Number of their threads; `undefined` except on Linux. */
  readonly threads: number | undefined
  /** CPU time in user code and in the kernel, including children that have ended. */
  readonly userMs: number
  readonly systemMs: number
  /** Resident memory. Pages that processes share count once for each. */
  readonly rssBytes: number
  /**
   * Proportional memory: shared pages are divided among the processes that share them. Only on
   * Linux, with the option `pss`.
   */
  readonly pssBytes: number | undefined
  /** Memory that no other process shares. Only on Linux, with the option `pss`. */
  readonly privateBytes: number | undefined
  /**
   * Bytes read from and written to storage, without the page cache; `undefined` except on Linux.
   */
  readonly readBytes: number | undefined
  readonly writtenBytes: number | undefined
  /** How often threads gave up the CPU to wait, and how often it was taken from them. */
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  /** Time that threads were ready to run but had no CPU; `undefined` except on Linux. */
  readonly cpuWaitMs: number | undefined
  /**
   * The whole machine. On Linux, the network as this process sees it, without the loopback device.
   */
  readonly machine: MachineUsage
}

/** What all processes of the machine have used since it started. */
export interface MachineUsage extends MachineCpu {
  readonly receivedBytes: number | undefined
  readonly sentBytes: number | undefined
}

/** Options of `resourceUsage()`. */
export interface ResourceUsageOptions {
  /**
   * Whether to read `pssBytes` and `privateBytes`. The kernel then walks the page tables, some
   * milliseconds per GB. Default false.
   */
  readonly pss?: boolean
}

const usageOptions = options('ResourceUsageOptions', {
  pss: boolean({ default: false }),
} satisfies Rules<ResourceUsageOptions>)

/**
 * Reads the resources that this process and its descendants have used. On Linux from /proc, in
 * about a millisecond per process. On other systems it only has what Node reports about this
 * process.
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
  const { pss } = usageOptions.check(options)
  return process.platform === 'linux' ? readLinux('/proc', process.pid, pss) : readElsewhere()
}

/**
 * Reads from a folder in the format of /proc.
 *
 * @internal
 */
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

/**
 * What Node reports on every system.
 *
 * @internal
 */
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

/** Not used on Linux, where it also reads /proc/cpuinfo, which is slow. */
function machineByNode(): MachineCpu {
  const cores = cpus()
  const sum = (of: (times: ReturnType<typeof cpus>[number]['times']) => number): number =>
    cores.reduce((total, { times }) => total + of(times), 0)
  const busyMs = sum(({ user, nice, sys, irq }) => user + nice + sys + irq)
  return { cores: cores.length, busyMs, totalMs: busyMs + sum(({ idle }) => idle) }
}
