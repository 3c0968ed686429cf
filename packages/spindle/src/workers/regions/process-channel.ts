import type { ChildProcess } from 'node:child_process'
import type { ResourceLimits } from 'node:worker_threads'
import { setTimeout } from '../../timers.ts'
import { inheritedArguments, startProcess } from '../supervise/start-process.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { Pulse } from './pulse.ts'
import type { Channel, ChannelListener } from './region-channel.ts'
import type { FromWorker } from './region-protocol.ts'

/**
 * How long the channel of an ended process may stay open, in milliseconds. A child process of it
 * may hold the channel.
 */
const LINGER_MS = 500

/**
 * Starts a process from a file of this package, given as its `.js`, with a channel that uses
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
    // A process that has just died refuses messages. Its exit event follows.
    post: (message) => void (child.connected && child.send(sealed(TO_WORKER, message), () => {})),
    setRef: (isReffed) => {
      if (isReffed) {
        child.ref()
        child.channel?.ref?.()
      } else {
        child.unref()
        child.channel?.unref?.()
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
    // Without a pid the process never existed and emits no exit event.
    if (child.pid === undefined) end()
  })
  child.on('exit', (code, signal) => {
    how = signal === null ? `exit code ${code}` : `signal ${signal}`
    // Its last messages may arrive until the channel closes.
    if (child.connected) setTimeout(end, LINGER_MS)
    else end()
  })
  child.on('disconnect', () => {
    if (how !== undefined) end()
  })
}

const children: Set<ChildProcess> = new Set()

/** A busy process would not notice that this one ends. */
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
