import type { ChildProcess } from 'node:child_process'
import type { Worker } from 'node:worker_threads'
import { setTimeout } from '../../timers.ts'
import { FROM_WORKER, opened } from './envelope.ts'

/**
 * How long the channel of an ended process may stay open, in milliseconds. A child process of it
 * may hold the channel.
 */
const LINGER_MS = 500

/** How a thread or process has ended. */
export interface WorkerExit {
  /** As text: `exit code 3`, `signal SIGKILL`. */
  readonly how: string
  /** The error that it threw, if known. */
  readonly error: unknown
}

/** Receives what a worker sends. */
export interface WorkerListener<M> {
  onMessage(message: M): void
  /** The worker has ended, and all its messages were handled. Called once. */
  ended(exit: WorkerExit): void
}

export function watchThread<M>(worker: Worker, listener: WorkerListener<M>): void {
  let error: unknown
  worker.on('message', (message: unknown) => {
    const received = opened(FROM_WORKER, message)
    if (received !== undefined) listener.onMessage(received as M)
  })
  // A message could not be read, so its results are lost and their callers would wait forever.
  worker.on('messageerror', (cause) => {
    error = cause
    void worker.terminate()
  })
  worker.on('error', (thrown) => {
    error = thrown
  })
  // A thread's messages arrive before this event.
  worker.on('exit', (code) => listener.ended({ how: `exit code ${code}`, error }))
}

export function watchProcess<M>(child: ChildProcess, listener: WorkerListener<M>): void {
  let error: unknown
  let how: string | undefined
  let hasEnded = false
  const end = (): void => {
    if (hasEnded) return
    hasEnded = true
    listener.ended({ how: how ?? 'it could not be started', error })
  }
  child.on('message', (message) => {
    const received = opened(FROM_WORKER, message)
    if (received !== undefined && !hasEnded) listener.onMessage(received as M)
  })
  child.on('error', (cause) => {
    error ??= cause
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

/** Sets whether a thread or process keeps this process alive. */
export function keepAlive(worker: Worker | ChildProcess, isKept: boolean): void {
  const change = isKept ? 'ref' : 'unref'
  worker[change]()
  // Bun's channels have no such methods.
  if ('channel' in worker) worker.channel?.[change]?.()
}
