import { availableParallelism } from 'node:os'
import { readProcFile } from './proc-files.ts'

/** The CPUs that this process may use. */
export interface Cores {
  /**
   * CPU time that the process may use, as a number of cores: the CPUs of its affinity, or less if
   * its control group has a quota.
   */
  readonly count: number
  /** Numbers of the CPUs; `undefined` if the system does not report them. */
  readonly numbers: ReadonlySet<number> | undefined
}

let known: Cores | undefined

/** Read once, because neither value changes in practice while a process runs. */
export function usableCores(): Cores {
  known ??= readCores()
  return known
}

function readCores(): Cores {
  const cpus = availableParallelism()
  if (process.platform !== 'linux') return { count: cpus, numbers: undefined }
  const list = readProcFile('/proc/self/status')?.match(/^Cpus_allowed_list:\s*(\S+)$/m)?.[1]
  const quota = quotaOf(readProcFile('/proc/self/cgroup') ?? '', readProcFile)
  return {
    count: Math.min(cpus, quota),
    numbers: list === undefined ? undefined : parseCpuList(list),
  }
}

/**
 * Parses `'0-3,8'`.
 *
 * @internal
 */
export function parseCpuList(list: string): ReadonlySet<number> {
  const numbers = new Set<number>()
  for (const part of list.split(',')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    for (let cpu = from; cpu <= to; cpu++) numbers.add(cpu)
  }
  return numbers
}

/**
 * The number of cores that the control groups of a process allow: the minimum of its own group and
 * its ancestors, for both versions of the interface. Infinity without a quota.
 *
 * @internal
 */
export function quotaOf(groups: string, read: (path: string) => string | undefined): number {
  let least = Number.POSITIVE_INFINITY
  for (const [, controllers, path] of groups.matchAll(/^\d+:([^:]*):(.*)$/gm)) {
    const isUnified = controllers === ''
    if (!isUnified && !controllers?.split(',').includes('cpu')) continue
    // A container sees its own group as the root, whatever the path says.
    for (let at = path ?? '/'; ; at = at.slice(0, at.lastIndexOf('/'))) {
      least = Math.min(least, isUnified ? unifiedQuota(at, read) : formerQuota(at, read))
      if (at === '' || at === '/') break
    }
  }
  return least
}

type Read = (path: string) => string | undefined

function unifiedQuota(path: string, read: Read): number {
  const [quota, period] = read(`/sys/fs/cgroup${path}/cpu.max`)?.split(' ').map(Number) ?? []
  return shareOf(quota, period)
}

function formerQuota(path: string, read: Read): number {
  const of = (name: string): number => Number(read(`/sys/fs/cgroup/cpu${path}/${name}`))
  return shareOf(of('cpu.cfs_quota_us'), of('cpu.cfs_period_us'))
}

/** `max` and -1 mean that there is no quota. */
function shareOf(quota = Number.NaN, period = Number.NaN): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}
