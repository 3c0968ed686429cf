import { parseArgs } from 'node:util'
import { messageOf, SpindleError } from '../errors.ts'
import { clusterInput, clusterOnly, isOfCluster } from './cluster-arguments.ts'
import { runClusterCommand } from './cluster-package.ts'
import { DeadEnd, type Ended, endAfterGrace } from './exit-status.ts'
import { inspectFile } from './inspect-command.ts'
import { ownVersion } from './local-copy.ts'
import { print, say, sayWithStack } from './output.ts'
import { profile } from './profile-command.ts'
import { run } from './run.ts'
import { OK, UNWRITTEN, USAGE } from './statuses.ts'

const help = `spindle: runs data-loading pipelines

Usage
  spindle run <module> [options] [-- arguments]
  spindle run <job> --ledger <place> [--workers <n>] [-- arguments]
  spindle worker <job> --ledger <place> [-- arguments]
  spindle status <ledger> [--json] [--once] [--ui]
  spindle profile <module> [options] [-- arguments]
  spindle inspect <path or URL> [--json]

run      Runs the pipeline that the module exports: a PipelineBuilder, a Pipeline, or a function that makes one of
         them from the arguments after --. Shows it at work, and ends with a report. If the module exports a sink
         beside it, or a function that makes one, the items are written there; the same command continues a run.
         With --ledger, the module exports a job of @spindle/cluster: worker processes lease its shards, and results
         count exactly once. Run the same command again after a crash.
worker   Works on a job beside other workers, on this machine or another, until it is complete.
status   Shows how a job is: shards, speed, workers, failures. Live on a terminal.
profile  Runs each of its stages alone, at several concurrencies, and says which to take.
inspect  Says what a file is, how many records it has, their shapes, and shows the first one: tar, zip, Parquet, npy,
         npz, safetensors, JSON Lines, images, audio, video; on disk, on the web, in s3:, gs:, az: and hf:.

Options of run
  --export <name>    which export to run (default: "default", then "pipeline", then "job")
  --limit <n>        stop after n items have come out; of a last stage that gives nothing, after n of its calls
  --progress         show progress lines even where the output is no terminal
  --no-progress      show none; without it, stages are shown at work on a terminal
  --report <file>    write a page about the run: graph, verdict, charts; one HTML file that needs nothing else
  --trace <file>     write what every task and the event loop did, for ui.perfetto.dev
  --ui [port]        show the same page live on http://127.0.0.1:<port>/ (default: any free port) while it runs
  --tune             let the pipeline set concurrency, workers and queues itself, and say what it has found
  --json             print the result as JSON on standard output, and nothing else there

Options of run and worker for jobs
  --ledger <place>   where the job's progress is kept: a folder, s3:, gs:, az:, redis:, postgres: or nats:
                     (worker, run --workers: default is the variable SPINDLE_LEDGER)
  --workers <n>      worker processes of run (default 1)
  --retry-dead       try the shards again that failed for good
  --id <name>        name of this worker (default: host, process and a random part)
  --grace <seconds>  how long a stop may take before work since the last commits is dropped (default 25)
  --export, --json, --progress, --no-progress
  --ui [port]        a page about all workers, of run and status, on http://127.0.0.1:<port>/

Options of profile
  --export <name>, --json
  --inputs <n>       items to take from the source (default 200); a higher concurrency than that is not tried
  --concurrencies <list>  which to try besides the stage's own (default 1,2,4,8,16,32)

  --help, --version

Exit status
  0    all went well
  1    the pipeline failed, or can never end: an op or a source never settles
  2    bad usage: options, or a module that cannot be loaded
  3    the run went well, but its report, trace or result could not be written
  130  stopped by Ctrl-C; 143 by SIGTERM
  141  standard output was closed before the end, as by head

The process ends 3 s after the command at the latest, whatever the module left open.
`

/** Runs the command that the arguments name, and ends the process. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const deadEnd = new DeadEnd()
  let ended: Ended
  try {
    ended = await main(argv, deadEnd)
  } catch (error) {
    const isExpected = error instanceof SpindleError
    if (isExpected) say(error.message)
    else sayWithStack(error)
    if (isExpected && error.code === 'ERR_BAD_OPTION') process.stderr.write('Try spindle --help.\n')
    ended = { status: USAGE }
  }
  deadEnd.release()
  endAfterGrace(ended)
}

async function main(argv: readonly string[], deadEnd: DeadEnd): Promise<Ended> {
  const { values, positionals, rest } = parse(argv)
  if (values.help === true) {
    return printText(help)
  }
  if (values.version === true) {
    return printText(`${ownVersion}\n`)
  }
  const [command, module, ...extra] = positionals
  if (command === undefined) throw usage('a command is missing: spindle run <module>')
  if (command === 'inspect') {
    if (module === undefined) throw usage('spindle inspect needs a path or a URL')
    if (extra.length > 0) throw usage(`unexpected "${extra[0]}"`)
    for (const option of [...runOnly, ...profileOnly, 'export'] as const)
      if (values[option] !== undefined) throw usage(`--${option} is no option of spindle inspect`)
    return await inspectFile(module, values.json === true)
  }
  if (isOfCluster(command, values)) {
    const uiPort = values.ui === undefined ? undefined : port(values.ui)
    const input = clusterInput(command, positionals.slice(1), values, rest, uiPort)
    return await runClusterCommand(input, deadEnd)
  }
  for (const option of clusterOnly)
    if (values[option] !== undefined)
      throw usage(`--${option} belongs to jobs: spindle run job.ts --ledger ./run`)
  if (command !== 'run' && command !== 'profile')
    throw usage(`unknown command "${command}"; known are run, worker, status, profile and inspect`)
  if (module === undefined)
    throw usage(`spindle ${command} needs a module: spindle ${command} pipeline.mjs`)
  if (extra.length > 0)
    throw usage(`unexpected "${extra[0]}"; arguments for the module go after --`)
  for (const option of command === 'run' ? profileOnly : runOnly)
    if (values[option] !== undefined)
      throw usage(`--${option} is not an option of spindle ${command}`)
  if (command === 'profile') {
    return profile({
      module,
      exportName: values.export,
      inputs: integer('inputs', values.inputs),
      concurrencies: values.concurrencies
        ?.split(',')
        .map((text) => integer('concurrencies', text) as number),
      asJson: values.json === true,
      args: rest,
      deadEnd,
    })
  }
  return run({
    module,
    exportName: values.export,
    limit: integer('limit', values.limit),
    showsProgress:
      values['no-progress'] === true ? false : values.progress === true ? true : undefined,
    asJson: values.json === true,
    reportFile: values.report,
    traceFile: values.trace,
    isTuned: values.tune === true,
    uiPort: values.ui === undefined ? undefined : port(values.ui),
    args: rest,
    deadEnd,
  })
}

async function printText(text: string): Promise<Ended> {
  const error = await print(text)
  if (error !== undefined) say(`standard output cannot be written: ${messageOf(error)}`)
  return { status: error === undefined ? OK : UNWRITTEN }
}

const runOnly = ['limit', 'progress', 'no-progress', 'report', 'ui', 'trace', 'tune'] as const
const profileOnly = ['inputs', 'concurrencies'] as const

function integer(option: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^[1-9]\d*$/.test(text))
    throw usage(
      `--${option} must be ${option === 'concurrencies' ? 'a list of integers' : 'an integer'} >= 1, got "${text}"`,
    )
  return text === undefined ? undefined : Number(text)
}

/** `''` means any port. */
function port(text: string): number {
  if (!/^\d*$/.test(text) || Number(text) > 65535)
    throw usage(`--ui must be followed by a port, 0 to 65535, or by none, got "${text}"`)
  return Number(text)
}

/** The value of --ui is optional, which `parseArgs` does not support, so a value is added. */
function withUiValue(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (arg !== '--ui') return args[i - 1] === '--ui' && /^\d+$/.test(arg) ? [] : [arg]
    const next = args[i + 1]
    return [`--ui=${next !== undefined && /^\d+$/.test(next) ? next : ''}`]
  })
}

function parse(argv: readonly string[]) {
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  try {
    const { values, positionals } = parseArgs({
      args: withUiValue(own),
      allowPositionals: true,
      options: {
        export: { type: 'string' },
        limit: { type: 'string' },
        progress: { type: 'boolean' },
        'no-progress': { type: 'boolean' },
        json: { type: 'boolean' },
        report: { type: 'string' },
        ui: { type: 'string' },
        trace: { type: 'string' },
        tune: { type: 'boolean' },
        inputs: { type: 'string' },
        concurrencies: { type: 'string' },
        ledger: { type: 'string' },
        workers: { type: 'string' },
        id: { type: 'string' },
        grace: { type: 'string' },
        'retry-dead': { type: 'boolean' },
        once: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
    return { values, positionals, rest: end < 0 ? [] : argv.slice(end + 1) }
  } catch (error) {
    throw usage(messageOf(error))
  }
}

function usage(message: string): SpindleError {
  return new SpindleError('ERR_BAD_OPTION', message)
}
