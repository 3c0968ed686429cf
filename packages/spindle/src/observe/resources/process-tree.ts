import { join } from 'node:path'
import { SpindleError } from '../../errors.ts'
import { numbersIn, parsed, readProcFile } from '../../machine/proc-files.ts'
import {
  parseIo,
  parseSchedstat,
  parseSmapsRollup,
  parseStat,
  parseStatus,
} from '../../machine/proc-parse.ts'

/**
 * Sums over a process and its descendants. Processes that cannot be read are left out; a value that
 * none reports is `undefined`.
 */
export interface TreeUsage {
  readonly processes: number
  readonly threads: number
  readonly userMs: number
  readonly systemMs: number
  readonly rssBytes: number
  readonly pssBytes: number | undefined
  readonly privateBytes: number | undefined
  readonly readBytes: number
  readonly writtenBytes: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  readonly cpuWaitMs: number | undefined
}

type Sums = { -readonly [K in keyof TreeUsage]: number }

/**
 * Reads the usage of a process and its descendants. It follows `/proc/<pid>/task/<tid>/children`,
 * because reading all of /proc every second would be too slow on a busy machine. A process that
 * ends meanwhile is left out; its times are then in its parent's.
 *
 * @throws `ERR_PROC_FORMAT` if the process itself cannot be read.
 */
export function readTree(root: string, pid: number, withPss: boolean): TreeUsage {
  const sums: Sums = {
    processes: 0,
    threads: 0,
    userMs: 0,
    systemMs: 0,
    rssBytes: 0,
    pssBytes: 0,
    privateBytes: 0,
    readBytes: 0,
    writtenBytes: 0,
    voluntarySwitches: 0,
    involuntarySwitches: 0,
    cpuWaitMs: 0,
  }
  const seen = { pss: false, wait: false }
  const left = [pid]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const folder = join(root, String(next))
    if (!addProcess(folder, sums, seen, withPss)) {
      if (next === pid)
        throw new SpindleError('ERR_PROC_FORMAT', `${folder}: the process itself cannot be read`)
      continue
    }
    left.push(...addThreads(folder, sums, seen))
  }
  return {
    ...sums,
    pssBytes: seen.pss ? sums.pssBytes : undefined,
    privateBytes: seen.pss ? sums.privateBytes : undefined,
    cpuWaitMs: seen.wait ? sums.cpuWaitMs : undefined,
  }
}

function addProcess(folder: string, sums: Sums, seen: { pss: boolean }, withPss: boolean): boolean {
  const stat = parsed(join(folder, 'stat'), parseStat)
  if (stat === undefined) return false
  sums.processes++
  sums.threads += stat.threads
  sums.userMs += stat.userMs
  sums.systemMs += stat.systemMs
  sums.rssBytes += parsed(join(folder, 'status'), parseStatus)?.rssBytes ?? 0
  const io = parsed(join(folder, 'io'), parseIo)
  sums.readBytes += io?.readBytes ?? 0
  sums.writtenBytes += io?.writtenBytes ?? 0
  const smaps = withPss ? parsed(join(folder, 'smaps_rollup'), parseSmapsRollup) : undefined
  if (smaps === undefined) return true
  seen.pss = true
  sums.pssBytes += smaps.pssBytes
  sums.privateBytes += smaps.privateBytes
  return true
}

/**
 * Adds what /proc only has per thread. Returns the child processes that the threads have started.
 */
function addThreads(folder: string, sums: Sums, seen: { wait: boolean }): number[] {
  const children: number[] = []
  for (const thread of numbersIn(join(folder, 'task'))) {
    const path = join(folder, 'task', thread)
    const status = parsed(join(path, 'status'), parseStatus)
    sums.voluntarySwitches += status?.voluntarySwitches ?? 0
    sums.involuntarySwitches += status?.involuntarySwitches ?? 0
    const waitMs = parsed(join(path, 'schedstat'), parseSchedstat)
    if (waitMs !== undefined) {
      seen.wait = true
      sums.cpuWaitMs += waitMs
    }
    const pids = readProcFile(join(path, 'children'))?.match(/\d+/g) ?? []
    children.push(...pids.map(Number))
  }
  return children
}
