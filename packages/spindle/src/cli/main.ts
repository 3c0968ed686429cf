#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { copyOf, ownVersion } from './local-copy.ts'
import { say, watchStreams } from './output.ts'

// The command `spindle`. If the module imports another copy of the package, the command of that
// copy runs.

watchStreams()
const argv = process.argv.slice(2)
const copy = copyOf(moduleIn(argv))
if (copy === undefined) {
  const { runCommand } = await import('./command.ts')
  await runCommand(argv)
} else {
  if (copy.version !== ownVersion)
    say(
      `this command is version ${ownVersion}; the module uses version ${copy.version} in ${copy.folder}, whose command goes on`,
    )
  await import(copy.main)
}

/** The module among the arguments, as far as they can be parsed; `''` if there is none. */
function moduleIn(args: readonly string[]): string {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  const text = [
    ...['export', 'limit', 'report', 'trace', 'inputs', 'concurrencies'],
    ...['ledger', 'workers', 'id', 'grace'],
  ]
  const options = Object.fromEntries(text.map((name) => [name, { type: 'string' as const }]))
  const { positionals } = parseArgs({
    args: [...own],
    options,
    strict: false,
    allowPositionals: true,
  })
  return ['run', 'profile', 'worker'].includes(positionals[0] ?? '') ? (positionals[1] ?? '') : ''
}
