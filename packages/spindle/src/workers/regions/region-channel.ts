import type { ChildProcess } from 'node:child_process'
import type { ResourceLimits, Worker } from 'node:worker_threads'
import { REGION_WORKER } from '../../entries.ts'
import { setTimeout } from '../../timers.ts'
import { inheritedArguments, startProcess } from '../supervise/start-process.ts'
import { startThread, type WorkerExit } from '../supervise/start-worker.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { Pulse } from './pulse.ts'
import type { FromWorker, RegionSetup, ToWorker } from './region-protocol.ts'

/**
 * How long the channel of an ended process may stay open, in milliseconds. A child process of it
 * may hold the channel.
 */
const LINGER_MS = 500

/** The difference between a worker thread and a worker process, as the main side sees it. */
export interface RegionChannel {
  /** For a process: shows whether it runs. */
  readonly pulse: Pulse | undefined
  /** Sends a message. If something in it cannot be sent, it throws and sends nothing. */
  post(message: ToWorker | RegionSetup, transfers: readonly ArrayBuffer[]): void
  /** Sets whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker by force. */
  kill(): void
}

export interface RegionChannelListener {
  onMessage(message: FromWorker): void
  /** The worker has ended, and all its messages were handled. Called once. */
  ended(exit: WorkerExit): void
}

/** Starts a worker of a region. May throw. */
export function openRegionChannel(
  kind: 'thread' | 'process',
  resourceLimits: ResourceLimits | undefined,
  listener: RegionChannelListener,
): RegionChannel {
  return kind === 'process'
    ? openProcess(REGION_WORKER, resourceLimits, listener)
    : openThread(resourceLimits, listener)
}

function openThread(
  resourceLimits: ResourceLimits | undefined,
  listener: RegionChannelListener,
): RegionChannel {
  const worker: Worker = startThread(REGION_WORKER, {}, { resourceLimits })
  let error: unknown
  worker.on('message', (message: unknown) => {
    const received = opened(FROM_WORKER, message)
    if (received !== undefined) listener.onMessage(received as FromWorker)
  })
  worker.on('messageerror', (cause) => {
    error = cause
    void worker.terminate()
  })
  worker.on('error', (thrown) => {
    error = thrown
  })
  // A thread's messages arrive before this event.
  worker.on('exit', (code) => listener.ended({ how: `exit code ${code}`, error }))
  return {
    pulse: undefined,
    post: (message, transfers) => worker.postMessage(sealed(TO_WORKER, message), transfers),
    setRef: (isReffed) => {
      if (isReffed) worker.ref()
      else worker.unref()
    },
    kill: () => void worker.terminate(),
  }
}

/**
 * Starts a process with a channel that uses advanced serialisation.
 */
function openProcess(
  href: string,
  resourceLimits: ResourceLimits | undefined,
  listener: RegionChannelListener,
): RegionChannel {
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
    onMessage: (message) => listener.onMessage(message),
    ended: (exit) => {
      listener.ended(exit)
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
        child.channel?.ref()
      } else {
        child.unref()
        child.channel?.unref()
      }
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function watch(child: ChildProcess, listener: RegionChannelListener): void {
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
    const received = opened(FROM_WORKER, message)
    if (received !== undefined) listener.onMessage(received as FromWorker)
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
