import { cpus } from 'node:os'
import { join } from 'node:path'
import { clockMs } from '../timers.ts'
import { type Cores, usableCores } from './cores.ts'
import { numbersIn, parsed, readProcFile } from './proc-files.ts'
import { parseSchedstat, parseStat } from './proc-parse.ts'

/** CPU times so far, in milliseconds. */
export interface CpuTimes {
  /** Time of the reading, as `performance.now()`. */
  readonly atMs: number
  /** Of this process and its descendants; on systems other than Linux, of this process alone. */
  readonly ownMs: number
  /** Of all processes, on the CPUs that this process may use. */
  readonly busyMs: number
  /**
   * Time that threads of this process and its descendants were ready to run but had no core;
   * `undefined` except on Linux.
   */
  readonly waitMs: number | undefined
}

/**
 * A younger reading is reused, in milliseconds. A reading costs about 0.3 ms, and the system counts
 * in ticks of 10 ms.
 */
const FRESH_MS = 20

let last: CpuTimes | undefined

/** Reads the CPU times of this process and of the machine, at most 50 times a second. */
export function cpuTimes(): CpuTimes {
  if (last === undefined || clockMs() - last.atMs >= FRESH_MS)
    last =
      process.platform === 'linux' ? linuxTimes('/proc', process.pid, usableCores()) : timesByNode()
  return last
}

/**
 * Reads a process from a folder in the format of /proc.
 *
 * @internal
 */
export function linuxTimes(root: string, pid: number, cores: Cores): CpuTimes {
  const sums = { ownMs: 0, waitMs: undefined as number | undefined }
  const left = [pid]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const folder = join(root, String(next))
    const stat = parsed(join(folder, 'stat'), parseStat)
    if (stat === undefined) continue
    sums.ownMs += stat.userMs + stat.systemMs
    for (const thread of numbersIn(join(folder, 'task'))) {
      const waitMs = parsed(join(folder, 'task', thread, 'schedstat'), parseSchedstat)
      if (waitMs !== undefined) sums.waitMs = (sums.waitMs ?? 0) + waitMs
      const children = readProcFile(join(folder, 'task', thread, 'children'))?.match(/\d+/g) ?? []
      left.push(...children.map(Number))
    }
  }
  return {
    atMs: clockMs(),
    ...sums,
    busyMs: busyMsOf(readProcFile(join(root, 'stat')) ?? '', cores),
  }
}

/** Linux counts times in ticks of 1/100 s. */
const MS_PER_TICK = 10

/**
 * Busy time of the usable CPUs, from the text of /proc/stat, including time that a hypervisor gave
 * to other machines.
 */
function busyMsOf(stat: string, { numbers }: Cores): number {
  let ticks = 0
  for (const [, cpu, times] of stat.matchAll(/^cpu(\d+) +(.*)$/gm)) {
    if (numbers?.has(Number(cpu)) === false) continue
    // user nice system idle iowait irq softirq steal
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (times ?? '')
      .split(' ')
      .map(Number)
    ticks += user + nice + system + irq + softirq + steal
  }
  return ticks * MS_PER_TICK
}

function timesByNode(): CpuTimes {
  const { user, system } = process.cpuUsage()
  const busyMs = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  )
  return { atMs: clockMs(), ownMs: (user + system) / 1000, busyMs, waitMs: undefined }
}
