import { SpindleError } from 'spindle/worker'
import { type CommandHost, type CommandInput, FAILED } from './command-host.ts'
import { runFleet } from './run-fleet.ts'
import { showStatus } from './status-command.ts'
import { runOneWorker } from './worker-command.ts'

export type { CommandHost, CommandInput } from './command-host.ts'

/** Errors after which another try ends in the same way. */
const FINAL = new Set([
  'ERR_BAD_OPTION',
  'ERR_MODULE',
  'ERR_NOT_A_JOB',
  'ERR_EPOCH_MISMATCH',
  'ERR_BACKEND_MISSING',
  'ERR_BAD_LEDGER',
  'ERR_NO_EPOCH',
])

/**
 * Runs `spindle run --ledger`, `spindle worker` or `spindle status`.
 *
 * @returns the exit status: 0, 1 if the job failed, or that of a signal
 * @throws errors of usage
 */
export async function clusterCommand(input: CommandInput, host: CommandHost): Promise<number> {
  try {
    if (input.command === 'status') return await showStatus(input, host)
    if (input.command === 'worker') return await runOneWorker(input, host)
    return await runFleet(input, host)
  } catch (error) {
    const { code, isInfrastructure } = error as { code?: string; isInfrastructure?: boolean }
    if (isInfrastructure === true || (code !== undefined && FINAL.has(code))) throw error
    if (!(error instanceof SpindleError) && !(error instanceof AggregateError)) throw error
    host.say(error.message)
    return FAILED
  }
}
