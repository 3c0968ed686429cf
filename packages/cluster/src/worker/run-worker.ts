import type { Ledger } from '../contract/ledger.ts'
import { ClusterError } from '../errors.ts'
import { type CheckedJob, checkJob } from '../job/define-job.ts'
import type { Job } from '../job/job.ts'
import { planOf, settingsId } from '../job/plan.ts'
import { openLedger } from '../open/open-ledger.ts'
import { finishJob } from './finish-job.ts'
import { patiently } from './patience.ts'
import type { LedgerAddress } from './renewals.ts'
import { Shift } from './shift.ts'
import { checkWorker, type WorkerOptions } from './worker-options.ts'

/** How a worker has ended. */
export interface WorkerResult {
  /** Id of the worker. */
  readonly worker: string
  /** Whether every shard of the epoch is done or dead, by any worker. */
  readonly isComplete: boolean
  /** Number of dead shards of the epoch; known when it is complete. */
  readonly dead: number
  /** Shards that this worker completed. */
  readonly shards: number
  /** Records that it committed. */
  readonly records: number
  /** Attempts that failed. */
  readonly failures: number
}

/**
 * Works on a job until all its shards are done, or until it is stopped. Any number of workers may
 * work on the same ledger, and come and go at any time.
 *
 * The first worker makes the epoch; the others join it. A shard whose work fails is tried again, by
 * any worker, up to `maxAttempts` times without progress; then it is dead, and the rest goes on.
 *
 * @throws `ERR_EPOCH_MISMATCH` if the ledger holds another job; errors of the ledger; errors that
 *   mark an executor as broken, such as a missing package
 */
export async function runWorker<T>(job: Job<T>, options: WorkerOptions): Promise<WorkerResult> {
  const checked = checkJob(job as Job<unknown>)
  const { worker, graceMs, maxBlockedMs } = checkWorker(options)
  const place = options.ledger
  const { store } = options
  const ledger =
    typeof place === 'string'
      ? await openLedger(place, { ...(store !== undefined && { store }) })
      : place
  try {
    await openEpoch(ledger, checked)
    const shift = new Shift(ledger, addressOf(place, options), checked, {
      worker,
      graceMs,
      maxBlockedMs,
      signal: options.signal ?? new AbortController().signal,
      onEvent: options.onEvent ?? (() => {}),
      page: options.page,
    })
    const { isComplete, ...counts } = await shift.run()
    const finish = (): Promise<number> => finishJob(ledger, job as Job<unknown>)
    const dead = isComplete ? await patiently(finish, 2 * checked.leaseMs) : 0
    return { worker, isComplete, dead, ...counts }
  } finally {
    if (typeof place === 'string') await ledger.close()
  }
}

/**
 * Makes the epoch of a job in a ledger, or checks that the ledger holds it.
 *
 * @throws `ERR_EPOCH_MISMATCH`
 */
export async function openJob<T>(job: Job<T>, ledger: Ledger): Promise<void> {
  const checked = checkJob(job as Job<unknown>)
  await ledger.open(await planOf(checked))
}

/**
 * The list of shards is read only by the worker that makes the epoch. The others compare the job's
 * settings.
 */
async function openEpoch(ledger: Ledger, checked: CheckedJob): Promise<void> {
  const epoch = await ledger.join()
  if (epoch === undefined) await ledger.open(await planOf(checked))
  else if (epoch.settings !== undefined && epoch.settings !== (await settingsId(checked)))
    throw new ClusterError(
      'ERR_EPOCH_MISMATCH',
      `${ledger.url} holds the job "${epoch.job}" with another \`seed\` or other \`settings\`: run the module that began it, or choose another ledger`,
    )
}

/** Where a thread can open the ledger; `undefined` if it cannot. */
function addressOf(place: string | Ledger, { store }: WorkerOptions): LedgerAddress | undefined {
  if (typeof place !== 'string') return undefined
  const options = { ...(store !== undefined && { store }) }
  try {
    return { url: place, options: structuredClone(options) }
  } catch {
    return undefined // credentials or a `fetch` that are functions
  }
}

/** The error of a job that ended with dead shards. */
export function deadShards(dead: number, url: string): ClusterError {
  return new ClusterError(
    'ERR_DEAD_SHARDS',
    `${dead} shard${dead === 1 ? '' : 's'} failed for good: \`spindle status ${url}\` names them, and \`spindle run … --retry-dead\` tries them again`,
  )
}
