import { urlForMessages } from 'spindle/worker'
import { messageOf } from '../errors.ts'
import { deadShards, runWorker } from '../worker/run-worker.ts'
import type { WorkerEvent } from '../worker/worker-options.ts'
import { type CommandHost, type CommandInput, FAILED, OF_SIGNAL, OK } from './command-host.ts'
import { loadJob } from './load-job.ts'

/** Works on a job in this process, until it is complete or the process is told to stop. */
export async function runOneWorker(input: CommandInput, host: CommandHost): Promise<number> {
  const { ledger, workerId, graceMs, asJson } = input
  const stop = new StopSignals(host)
  try {
    const job = await loadJob(input, host)
    const result = await runWorker(job, {
      ledger: ledger!,
      ...(workerId !== undefined && { worker: workerId }),
      ...(graceMs !== undefined && { graceMs }),
      signal: stop.signal,
      onEvent: (event) => tell(event, host),
    })
    // Ctrl-C reaches the workers of a fleet too; their parent reports.
    if (asJson) await host.print(`${JSON.stringify(result)}\n`)
    else if (process.send === undefined) await host.print(summary(result))
    if (result.isComplete && result.dead > 0 && process.send === undefined) {
      host.say(deadShards(result.dead, urlForMessages(ledger!)).message)
      return FAILED
    }
    return stop.status ?? OK
  } finally {
    stop.release()
  }
}

function summary(result: Awaited<ReturnType<typeof runWorker>>): string {
  const { worker, shards, records, isComplete } = result
  const end = isComplete ? 'the job is complete' : 'stopped; other workers may go on'
  return `${worker}: ${shards} shards done, ${records} records written; ${end}\n`
}

function tell({ kind, shard, error }: WorkerEvent, host: CommandHost): void {
  if (kind === 'failed') host.say(`shard "${shard}" failed and is tried again: ${messageOf(error)}`)
  if (kind === 'dead') host.say(`shard "${shard}" is given up: ${messageOf(error)}`)
  if (kind === 'lost') host.say(`shard "${shard}" was taken by another worker: ${messageOf(error)}`)
}

/** SIGTERM and Ctrl-C stop the worker gracefully; so does the end of the parent process. */
export class StopSignals {
  readonly #stop = new AbortController()
  readonly #host: CommandHost
  readonly #hit = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (this.status !== undefined) process.exit(OF_SIGNAL[signal])
    this.status = OF_SIGNAL[signal]
    this.#host.say('stopping: shards are released at their cursors; again to end at once')
    this.#stop.abort()
  }
  readonly #orphaned = (): void => this.#stop.abort()
  /** Exit status for the signal that came. */
  status: number | undefined

  constructor(host: CommandHost) {
    this.#host = host
    process.on('SIGINT', this.#hit).on('SIGTERM', this.#hit)
    process.on('disconnect', this.#orphaned)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  release(): void {
    process.off('SIGINT', this.#hit).off('SIGTERM', this.#hit)
    process.off('disconnect', this.#orphaned)
    if (process.connected === true) process.disconnect()
  }
}
