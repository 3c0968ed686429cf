#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { messageOf, SpindleError } from '../errors.ts'
import { run } from './run.ts'

const help = `spindle: runs data-loading pipelines

Usage
  spindle run <module> [options] [-- arguments]

Runs the pipeline that the module exports: a PipelineBuilder, a Pipeline, or a function that makes one of them from
the arguments after --. Shows it at work, and ends with a report.

Options
  --export <name>    which export to run (default: "default", then "pipeline")
  --limit <n>        stop after n items have come out
  --progress         show progress lines even where the output is no terminal
  --no-progress      show none
  --json             print the result as JSON on standard output, and nothing else there
  --help, --version

Exit status: 0 all went well, 1 the pipeline failed, 2 bad usage, 130 stopped by Ctrl-C.
`

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals, rest } = parse(argv)
  if (values.help === true) {
    process.stdout.write(help)
    return 0
  }
  if (values.version === true) {
    process.stdout.write(`${packageVersion()}\n`)
    return 0
  }
  const [command, module, ...extra] = positionals
  if (command === undefined) throw usage('a command is missing: spindle run <module>')
  if (command !== 'run') throw usage(`unknown command "${command}"; known is run`)
  if (module === undefined) throw usage('spindle run needs a module: spindle run pipeline.mjs')
  if (extra.length > 0) throw usage(`unexpected "${extra[0]}"; arguments for the module go after --`)
  const { limit } = values
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
    throw usage(`--limit must be an integer >= 1, got "${limit}"`)
  return run({
    module,
    exportName: values.export,
    limit: limit === undefined ? undefined : Number(limit),
    showsProgress: values['no-progress'] === true ? false : values.progress === true ? true : undefined,
    asJson: values.json === true,
    args: rest,
  })
}

function parse(argv: readonly string[]) {
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      allowPositionals: true,
      options: {
        export: { type: 'string' },
        limit: { type: 'string' },
        progress: { type: 'boolean' },
        'no-progress': { type: 'boolean' },
        json: { type: 'boolean' },
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

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isExpected = error instanceof SpindleError
  process.stderr.write(
    `spindle: ${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  )
  if (isExpected && error.code === 'ERR_BAD_OPTION') process.stderr.write('Try spindle --help.\n')
  process.exitCode = 2
}
