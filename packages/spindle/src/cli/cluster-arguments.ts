import { SpindleError } from '../errors.ts'
import type { ClusterInput } from './cluster-package.ts'

/** Options that only the commands of `@spindle/cluster` have. */
export const clusterOnly = ['ledger', 'workers', 'id', 'grace', 'retry-dead', 'once'] as const

/** Where `--ledger` may stand too, so that a password in it is in no list of processes. */
const LEDGER_VARIABLE = 'SPINDLE_LEDGER'

type Values = { readonly [name: string]: string | boolean | undefined }

/** What each command takes. */
const TAKEN: Readonly<Record<ClusterInput['command'], readonly string[]>> = {
  run: [
    ...['ledger', 'workers', 'grace', 'retry-dead'],
    ...['export', 'json', 'progress', 'no-progress', 'ui'],
  ],
  worker: ['ledger', 'id', 'grace', 'export', 'json'],
  status: ['json', 'once', 'ui'],
}

/** Whether a command is one of `@spindle/cluster`: `run` is if it has a ledger. */
export function isOfCluster(command: string, values: Values): command is ClusterInput['command'] {
  const ofRun = values.ledger !== undefined || values.workers !== undefined
  return command === 'worker' || command === 'status' || (command === 'run' && ofRun)
}

/** The arguments of such a command. @throws `ERR_BAD_OPTION` */
export function clusterInput(
  command: ClusterInput['command'],
  [subject, extra]: readonly string[],
  values: Values,
  args: readonly string[],
  uiPort: number | undefined,
): ClusterInput {
  if (subject === undefined)
    throw usage(
      command === 'status'
        ? 'spindle status needs a ledger: spindle status ./run'
        : `spindle ${command} needs a job: spindle ${command} job.ts --ledger ./run`,
    )
  if (extra !== undefined)
    throw usage(`unexpected "${extra}"; arguments for the module go after --`)
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && !TAKEN[command].includes(name))
      throw usage(`--${name} is no option of spindle ${command} with a ledger`)
  const ledger = (values.ledger as string | undefined) ?? process.env[LEDGER_VARIABLE]
  if (command !== 'status' && ledger === undefined)
    throw usage(`spindle ${command} needs a place for the job's progress: --ledger ./run`)
  const grace = values.grace === undefined ? undefined : Number(values.grace)
  if (grace !== undefined && !(grace >= 0))
    throw usage(`--grace must be a number of seconds >= 0, got "${values.grace}"`)
  return {
    command,
    subject,
    exportName: values.export as string | undefined,
    ledger,
    workers: workersIn(values.workers),
    workerId: values.id as string | undefined,
    graceMs: grace === undefined ? undefined : grace * 1000,
    retriesDead: values['retry-dead'] === true,
    asJson: values.json === true,
    isOnce: values.once === true,
    showsProgress:
      values['no-progress'] === true ? false : values.progress === true ? true : undefined,
    uiPort,
    args,
  }
}

function workersIn(text: string | boolean | undefined): number {
  if (text === undefined) return 1
  if (!/^[1-9]\d*$/.test(String(text)))
    throw usage(`--workers must be an integer >= 1, got "${text}"`)
  return Number(text)
}

function usage(message: string): SpindleError {
  return new SpindleError('ERR_BAD_OPTION', message)
}
