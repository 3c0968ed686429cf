import { SpindleError } from '../errors.ts'

/** Linux reports CPU times to programs in ticks of 1/100 s on every architecture (USER_HZ). */
const MS_PER_TICK = 10

/** The content of `/proc/<pid>/stat`; see proc_pid_stat(5). */
export interface ProcStat {
  readonly pid: number
  readonly name: string
  readonly parent: number
  readonly group: number
  /**
   * CPU time in milliseconds of its own threads, and of the children that have ended and been
   * waited for.
   */
  readonly userMs: number
  readonly systemMs: number
  readonly threads: number
}

/** @throws `ERR_PROC_FORMAT` for another format. */
export function parseStat(text: string): ProcStat {
  // The name is in parentheses and may contain spaces and parentheses, so only the last one closes
  // it.
  const [open, close] = [text.indexOf('('), text.lastIndexOf(')')]
  if (open < 0 || close < open) malformed('stat', 'no name in parentheses', text)
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/)
  if (fields.length < 22)
    malformed('stat', `${fields.length} fields after the name, not 22 or more`, text)
  const at = (index: number): number => integer('stat', fields[index] as string, text)
  return {
    pid: integer('stat', text.slice(0, open).trim(), text),
    name: text.slice(open + 1, close),
    parent: at(1),
    group: at(2),
    userMs: (at(11) + at(13)) * MS_PER_TICK,
    systemMs: (at(12) + at(14)) * MS_PER_TICK,
    threads: at(17),
  }
}

/**
 * Bytes that were really read from and written to storage, from `/proc/<pid>/io`; 0 for missing
 * values.
 *
 * @throws `ERR_PROC_FORMAT`
 */
export function parseIo(text: string): {
  readonly readBytes: number
  readonly writtenBytes: number
} {
  const fields = keyed('io', text)
  return { readBytes: fields.get('read_bytes') ?? 0, writtenBytes: fields.get('write_bytes') ?? 0 }
}

/**
 * Memory from `/proc/<pid>/smaps_rollup`. In `pssBytes` a page that n processes share counts 1/n,
 * so the sum over processes is what they use together.
 *
 * @throws `ERR_PROC_FORMAT`
 */
export function parseSmapsRollup(text: string): {
  readonly pssBytes: number
  readonly privateBytes: number
} {
  // The first line is the range of addresses.
  const fields = keyed('smaps_rollup', text.replace(/^[0-9a-f]+-[0-9a-f]+ .*\n?/, ''))
  const of = (name: string): number => (fields.get(name) ?? 0) * 1024
  return { pssBytes: of('Pss'), privateBytes: of('Private_Clean') + of('Private_Dirty') }
}

/**
 * The required values of `/proc/<pid>/status`, of a process or thread.
 *
 * @throws `ERR_PROC_FORMAT`
 */
export function parseStatus(text: string): {
  readonly rssBytes: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
} {
  const number = (name: string): number => {
    const match = text.match(new RegExp(`^${name}:[ \\t]*(.*)$`, 'm'))
    // A kernel thread and a process that has just ended have no memory.
    return match === null ? 0 : integer('status', (match[1] as string).replace(/ kB$/, ''), text)
  }
  return {
    rssBytes: number('VmRSS') * 1024,
    voluntarySwitches: number('voluntary_ctxt_switches'),
    involuntarySwitches: number('nonvoluntary_ctxt_switches'),
  }
}

/**
 * Milliseconds that a thread was ready to run and waited for a CPU, from
 * `/proc/<pid>/task/<tid>/schedstat`.
 *
 * @throws `ERR_PROC_FORMAT`
 */
export function parseSchedstat(text: string): number {
  const fields = text.trim().split(/\s+/)
  if (fields.length < 3) malformed('schedstat', `${fields.length} fields, not 3`, text)
  return integer('schedstat', fields[1] as string, text) / 1e6
}

/** CPU time of the machine since it started, in milliseconds, all cores together. */
export interface MachineCpu {
  readonly cores: number
  /** Busy time of all processes, including time that a hypervisor gave to other machines. */
  readonly busyMs: number
  readonly totalMs: number
}

/**
 * Parses the first lines of `/proc/stat`.
 *
 * @throws `ERR_PROC_FORMAT`
 */
export function parseMachineStat(text: string): MachineCpu {
  const line = text.match(/^cpu +(.*)$/m)?.[1]
  if (line === undefined) malformed('/proc/stat', 'no line `cpu`', text)
  // user nice system idle iowait irq softirq steal; the time of guests is already in user.
  const ticks = line
    .trim()
    .split(/\s+/)
    .slice(0, 8)
    .map((field) => integer('/proc/stat', field, text))
  if (ticks.length < 4) malformed('/proc/stat', `${ticks.length} times, not 4 or more`, text)
  const totalMs = ticks.reduce((sum, each) => sum + each, 0) * MS_PER_TICK
  const idleMs = ((ticks[3] as number) + (ticks[4] ?? 0)) * MS_PER_TICK
  return { cores: [...text.matchAll(/^cpu\d+ /gm)].length, busyMs: totalMs - idleMs, totalMs }
}

/**
 * Bytes through the network devices except the loopback, from `/proc/net/dev`; 0 for an empty text.
 * @throws `ERR_PROC_FORMAT`
 */
export function parseNetDev(text: string): {
  readonly receivedBytes: number
  readonly sentBytes: number
} {
  const sums = { receivedBytes: 0, sentBytes: 0 }
  // Two lines of headings.
  for (const line of text.trim().split('\n').slice(2)) {
    const colon = line.lastIndexOf(':')
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    if (colon < 0 || fields.length < 9) malformed('/proc/net/dev', `a line "${line.trim()}"`, text)
    if (line.slice(0, colon).trim() === 'lo') continue
    sums.receivedBytes += integer('/proc/net/dev', fields[0] as string, text)
    sums.sentBytes += integer('/proc/net/dev', fields[8] as string, text)
  }
  return sums
}

/** Parses lines of `name: 12` or `name: 12 kB`. */
function keyed(file: string, text: string): Map<string, number> {
  const fields = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const colon = line.indexOf(':')
    if (colon < 0) malformed(file, `a line "${line}"`, text)
    const number = line
      .slice(colon + 1)
      .trim()
      .replace(/ kB$/, '')
    fields.set(line.slice(0, colon).trim(), integer(file, number, text))
  }
  return fields
}

function integer(file: string, field: string, text: string): number {
  if (!/^-?\d+$/.test(field)) malformed(file, `"${field}" is no number`, text)
  return Number(field)
}

function malformed(file: string, problem: string, text: string): never {
  throw new SpindleError('ERR_PROC_FORMAT', `${file}: ${problem}: "${text.slice(0, 80)}"`)
}
