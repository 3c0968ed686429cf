import type { LedgerStatus, WorkerReport } from '../contract/status.ts'
import { dateMs } from '../timers.ts'
import { bytesText, countText, durationText, fit, wrapped } from './format.ts'
import { type Rates, reportedRates } from './rates.ts'

/** Workers and failures that are listed. */
const MOST_LISTED = 12
/** Lines for one failure. */
const FAILURE_LINES = 4

/**
 * The status of an epoch as text.
 *
 * @param rates measured speeds. Default: what the workers say of themselves
 * @param columns the longest line
 */
export function statusText(
  url: string,
  status: LedgerStatus,
  rates: Rates | undefined = reportedRates(status, dateMs()),
  columns = 80,
): string {
  const { shards, done, dead, running, waiting, records, bytes, workers } = status
  const live = workers.filter((worker) => isLive(worker, status.leaseMs))
  const ended = workers.length - live.length
  const lines = [
    `${status.job}  ${url}  epoch ${status.epoch.slice(0, 12)}`,
    `  ${bar(shards === 0 ? 1 : (done + dead) / shards, 24)}  ${outlook(status, rates, live.length)}`,
    `  shards   ${countText(done)} of ${countText(shards)} done, ${countText(running)} running, ${countText(waiting)} waiting, ${countText(dead)} dead`,
    `  records  ${countText(records)}, ${bytesText(bytes)}${rates === undefined ? '' : `, ${countText(rates.recordsPerSec)}/s`}`,
    `  workers  ${live.length} live, ${ended} ended or lost`,
    ...listed(live.map(workerText)),
    ...(status.failures.length === 0 ? [] : ['  failures']),
    ...listed(
      status.failures.map(
        ({ name, attempts, error, isDead }) =>
          `${name}: ${isDead ? 'dead' : `attempt ${attempts}`}: ${error}`,
      ),
    ).flatMap((line) => wrapped(line, columns, FAILURE_LINES)),
  ]
  return lines.map((line) => fit(line, columns)).join('\n')
}

/** The status in one line, for logs. */
export function statusLine(status: LedgerStatus, rates?: Rates): string {
  const { shards, done, dead, running, records, workers, leaseMs } = status
  const live = workers.filter((worker) => isLive(worker, leaseMs)).length
  return `${countText(done)} of ${countText(shards)} shards done, ${running} running, ${dead} dead, ${countText(records)} records; ${outlook(status, rates, live)}`
}

function outlook(status: LedgerStatus, rates: Rates | undefined, live: number): string {
  const { shards, done, dead, isComplete } = status
  const percent = `${shards === 0 ? 100 : Math.floor((100 * (done + dead)) / shards)} %`
  if (isComplete) return `${percent}  ${dead > 0 ? 'complete, with dead shards' : 'complete'}`
  if (live === 0) return `${percent}  no worker is running`
  if (rates === undefined || rates.shardsPerSec <= 0) return `${percent}  time left unknown`
  const left = (shards - done - dead) / rates.shardsPerSec
  return `${percent}  ${rates.shardsPerSec.toPrecision(3)} shards/s, ${durationText(left)} left`
}

/** Clocks of machines differ a little, so a worker is given twice the time of its lease. */
function isLive({ state, reportedMs }: WorkerReport, leaseMs: number): boolean {
  return state !== 'ended' && dateMs() - reportedMs < 2 * leaseMs
}

function workerText({
  worker,
  state,
  shards,
  records,
  memoryBytes,
  working,
}: WorkerReport): string {
  const on = working.length === 0 ? '' : `, on ${working.join(', ')}`
  return `${worker}: ${state}, ${countText(shards)} shards, ${countText(records)} records, ${bytesText(memoryBytes)}${on}`
}

function listed(lines: readonly string[]): string[] {
  const shown = lines.slice(0, MOST_LISTED).map((line) => `    ${line}`)
  const more = lines.length - shown.length
  return more > 0 ? [...shown, `    and ${more} more`] : shown
}

function bar(share: number, width: number): string {
  const full = Math.floor(share * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`
}
