import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeChildProcess } from '../../builtins.ts'
import { nestingArgument } from './nesting.ts'
import { type EntrySetup, entryOf } from './start-worker.ts'

/** How to start a worker process. */
export interface ProcessOptions {
  /**
   * Arguments for Node. Default: those of this process, except those of a program that is given as
   * text, of the test runner and of the inspector.
   */
  readonly execArgv?: readonly string[]
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Starts a process with a file of this package, given as its `.js`: the built file, or one from
 * TypeScript sources. `files` are descriptors that it gets as 4, 5, …; its output goes to this
 * process's output. `tsx`: see {@link EntrySetup}.
 */
export function startProcess(
  href: string,
  files: readonly number[],
  options: ProcessOptions,
): { readonly child: ChildProcess; readonly tsx: string | undefined } {
  const { execArgv, file, tsx } = commandOf(href, options.execArgv)
  const child = nodeChildProcess().fork(file, [nestingArgument()], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...files],
    execArgv: [...execArgv],
    ...(options.env === undefined ? {} : { env: options.env as NodeJS.ProcessEnv }),
  })
  return { child, tsx }
}

/**
 * The command line for a file of this package, given as its `.js`. `tsx`: see {@link EntrySetup}.
 */
export function commandOf(
  href: string,
  given: readonly string[] = inheritedArguments(process.execArgv),
): {
  readonly execArgv: readonly string[]
  readonly file: string
  readonly tsx: string | undefined
} {
  const { entry, tsx } = entryOf(href)
  const hasTsx = given.some((argument) => argument.includes('tsx'))
  const execArgv = tsx === undefined || hasTsx ? given : [...given, `--import=${registering(tsx)}`]
  return { execArgv, file: fileURLToPath(entry), tsx }
}

function registering(tsx: string): string {
  return `data:text/javascript,${encodeURIComponent(`import { register } from ${JSON.stringify(tsx)}; register()`)}`
}

/**
 * Beginnings of flags that only apply to this process; and the flags that are followed by a
 * separate value.
 */
const OWN =
  /^--(?:input-type|test|watch|inspect|debug-port|check|interactive|experimental-test)|^-[ci]$/
const OWN_WITH_VALUE = /^(?:--eval|--print|-e|-p|-pe)$/

/** The arguments of this process that a worker process gets too. */
export function inheritedArguments(execArgv: readonly string[]): string[] {
  const inherited: string[] = []
  for (let at = 0; at < execArgv.length; at++) {
    const argument = execArgv[at] as string
    if (OWN_WITH_VALUE.test(argument)) at++
    else if (!OWN.test(argument) && !/^--(?:eval|print)=/.test(argument)) inherited.push(argument)
  }
  return inherited
}
