import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ResourceLimits } from 'node:worker_threads'
import { entryOf } from '../start-worker.ts'
import type { Channel, ChannelListener } from './channel.ts'
import type { FromWorker } from './protocol.ts'

/** How long the channel of a process that has ended may stay open, in milliseconds: a child of its own may hold it. */
const LINGER_MS = 500

/** Starts a process with a file of this package, given as its `.js`, and a channel to it with advanced serialisation. */
export function openProcess(
  href: string,
  resourceLimits: ResourceLimits | undefined,
  listener: ChannelListener,
): Channel {
  const { entry, tsx } = entryOf(href)
  const flags = inherited(process.execArgv)
  const needsTsx = tsx !== undefined && !flags.some((flag) => /\btsx\b/.test(flag))
  const child = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...flags, ...(needsTsx ? ['--import', loaderOf(tsx)] : []), ...limitsOf(resourceLimits)],
  })
  children.add(child)
  if (children.size === 1) process.on('exit', killAll)
  watch(child, listener)
  return {
    // A process that has died a moment ago refuses messages: that it is gone is heard in due course.
    post: (message) => void (child.connected && child.send(message as object, () => {})),
    setRef: (isReffed) => {
      if (isReffed) {
        child.ref()
        child.channel?.ref()
      } else {
        child.unref()
        child.channel?.unref()
      }
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function watch(child: ChildProcess, listener: ChannelListener): void {
  let error: unknown
  let how: string | undefined
  let hasEnded = false
  const end = (): void => {
    if (hasEnded) return
    hasEnded = true
    children.delete(child)
    if (children.size === 0) process.off('exit', killAll)
    listener.ended({ how: how ?? 'it could not be started', error })
  }
  child.on('message', (message) => listener.heard(message as FromWorker))
  child.on('error', (cause) => {
    error = cause
    // Without a number it was never there, and will not exit either.
    if (child.pid === undefined) end()
  })
  child.on('exit', (code, signal) => {
    how = signal === null ? `exit code ${code}` : `signal ${signal}`
    // What it had sent is still on its way until the channel closes.
    if (child.connected) setTimeout(end, LINGER_MS)
    else end()
  })
  child.on('disconnect', () => {
    if (how !== undefined) end()
  })
}

const children: Set<ChildProcess> = new Set()

/** A process that is busy would not notice that this one ends. */
function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

const WITH_VALUE = new Set(['-e', '--eval', '-p', '--print', '-pe', '--input-type', '--test-reporter'])
const NOT_INHERITED =
  /^(?:-e|--eval|-p|-pe|--print|-c|--check|-i|--interactive|--input-type|--test|--watch|--inspect|--debug|--cpu-prof|--heap-prof|--prof|--experimental-test|--run)/

/** The flags of this process that a worker should have too: not the program, the tests or the debugger. */
function inherited(args: readonly string[]): string[] {
  return args.filter((arg, i) => {
    if (NOT_INHERITED.test(arg)) return false
    return !WITH_VALUE.has(args[i - 1] ?? '') || arg.startsWith('-')
  })
}

/** The module of tsx that registers it when imported, beside the one that has to be called. */
function loaderOf(tsx: string): string {
  return pathToFileURL(createRequire(fileURLToPath(tsx)).resolve('tsx')).href
}

function limitsOf(limits: ResourceLimits | undefined): string[] {
  const { maxOldGenerationSizeMb, maxYoungGenerationSizeMb, stackSizeMb } = limits ?? {}
  return [
    ...(maxOldGenerationSizeMb === undefined ? [] : [`--max-old-space-size=${maxOldGenerationSizeMb}`]),
    ...(maxYoungGenerationSizeMb === undefined ? [] : [`--max-semi-space-size=${maxYoungGenerationSizeMb}`]),
    ...(stackSizeMb === undefined ? [] : [`--stack-size=${Math.round(stackSizeMb * 1024)}`]),
  ]
}
