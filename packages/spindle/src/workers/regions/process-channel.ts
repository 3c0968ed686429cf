import type { ChildProcess } from 'node:child_process'
import type { ResourceLimits } from 'node:worker_threads'
import { setTimeout } from '../../timers.ts'
import { inheritedArguments, startProcess } from '../supervise/start-process.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { Pulse } from './pulse.ts'
import type { Channel, ChannelListener } from './region-channel.ts'
import type { FromWorker } from './region-protocol.ts'

/**
 * How long the channel of a process that has ended may stay open, in milliseconds: a child of its
 * own may hold it.
 */
const LINGER_MS = 500

/**
 * Starts a process with a file of this package, given as its `.js`, and a channel to it with
 * advanced serialisation.
 */
export function openProcess(
  href: string,
  resourceLimits: ResourceLimits | undefined,
  listener: ChannelListener,
): Channel {
  const execArgv = [...inheritedArguments(process.execArgv), ...limitsOf(resourceLimits)]
  const pulse = Pulse.open()
  let child: ChildProcess
  try {
    child = startProcess(href, pulse === undefined ? [] : [pulse.file], { execArgv }).child
  } catch (error) {
    pulse?.close()
    throw error
  }
  children.add(child)
  if (children.size === 1) process.on('exit', killAll)
  watch(child, {
    heard: (message) => listener.heard(message),
    ended: (ending) => {
      listener.ended(ending)
      pulse?.close()
    },
  })
  return {
    pulse,
    // A process that has died a moment ago refuses messages: that it is gone is heard in due
    // course.
    post: (message) => void (child.connected && child.send(sealed(TO_WORKER, message), () => {})),
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
  child.on('message', (message) => {
    const told = opened(FROM_WORKER, message)
    if (told !== undefined) listener.heard(told as FromWorker)
  })
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

function limitsOf(limits: ResourceLimits | undefined): string[] {
  const { maxOldGenerationSizeMb, maxYoungGenerationSizeMb, stackSizeMb } = limits ?? {}
  return [
    ...(maxOldGenerationSizeMb === undefined
      ? []
      : [`--max-old-space-size=${maxOldGenerationSizeMb}`]),
    ...(maxYoungGenerationSizeMb === undefined
      ? []
      : [`--max-semi-space-size=${maxYoungGenerationSizeMb}`]),
    ...(stackSizeMb === undefined ? [] : [`--stack-size=${Math.round(stackSizeMb * 1024)}`]),
  ]
}
