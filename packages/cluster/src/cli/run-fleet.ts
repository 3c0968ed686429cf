import type { Ledger } from '../contract/ledger.ts'
import { ClusterError } from '../errors.ts'
import { openLedger } from '../open/open-ledger.ts'
import { type StatusPage, serveStatus } from '../status/status-page.ts'
import { statusText } from '../status/status-text.ts'
import { finishJob } from '../worker/finish-job.ts'
import { deadShards, openJob } from '../worker/run-worker.ts'
import { ChildWorker } from './child-worker.ts'
import { type CommandHost, type CommandInput, FAILED, OK } from './command-host.ts'
import { LiveStatus } from './live-status.ts'
import { loadJob } from './load-job.ts'
import { StopSignals } from './worker-command.ts'

/** Runs a job with worker processes on this machine. Workers of other machines may join. */
export async function runFleet(input: CommandInput, host: CommandHost): Promise<number> {
  const job = await loadJob(input, host)
  const ledger = await openLedger(input.ledger!)
  const stop = new StopSignals(host)
  let page: StatusPage | undefined
  try {
    await openJob(job, ledger)
    if (input.retriesDead) {
      const count = await ledger.revive()
      host.say(`${count} dead shards are tried again`)
    }
    page = await openPage(ledger, input, host)
    const live = new LiveStatus(ledger, input, host)
    const children = Array.from({ length: input.workers }, (_, at) => {
      return new ChildWorker(at + 1, input, host, ledger, stop.signal)
    })
    const endings = await Promise.all(children.map((child) => child.run()))
    await live.end()
    return await report(input, host, ledger, endings, stop.status, () => finishJob(ledger, job))
  } finally {
    stop.release()
    page?.close()
    await ledger.close()
  }
}

/** Serves the page of `--ui`. */
export async function openPage(
  ledger: Ledger,
  { uiPort }: CommandInput,
  host: CommandHost,
): Promise<StatusPage | undefined> {
  if (uiPort === undefined) return undefined
  const page = await serveStatus(ledger, uiPort)
  host.say(`the fleet is shown at ${page.url}`)
  return page
}

async function report(
  input: CommandInput,
  host: CommandHost,
  ledger: Ledger,
  endings: readonly (string | undefined)[],
  stopStatus: number | undefined,
  finish: () => Promise<number>,
): Promise<number> {
  const status = await ledger.status()
  if (status.isComplete) await finish()
  const text = input.asJson ? JSON.stringify(status) : statusText(ledger.url, status)
  await host.print(`${text}\n`)
  if (stopStatus !== undefined) return stopStatus
  if (status.isComplete && status.dead > 0) {
    host.say(deadShards(status.dead, ledger.url).message)
    return FAILED
  }
  if (status.isComplete) return OK
  const reason = endings.find((ending) => ending !== undefined)
  throw new ClusterError(
    'ERR_WORKER_DIED',
    `the job is not complete: ${reason ?? 'its workers were stopped'}. Run the same command again to go on`,
  )
}
