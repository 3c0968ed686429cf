import type { ChildProcess } from 'node:child_process'
import type { ResourceLimits } from 'node:worker_threads'
import { REGION_WORKER } from '../../entries.ts'
import { argumentsOf } from '../supervise/resource-limits.ts'
import { inheritedArguments, startProcess } from '../supervise/start-process.ts'
import { startThread } from '../supervise/start-worker.ts'
import { sealed, TO_WORKER } from '../transport/envelope.ts'
import {
  keepAlive,
  type WorkerListener,
  watchProcess,
  watchThread,
} from '../transport/watch-worker.ts'
import { Pulse } from './pulse.ts'
import type { FromWorker, RegionSetup, ToWorker } from './region-protocol.ts'

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

/** Starts a worker of a region. May throw. */
export function openRegionChannel(
  kind: 'thread' | 'process',
  resourceLimits: ResourceLimits | undefined,
  listener: WorkerListener<FromWorker>,
): RegionChannel {
  return kind === 'process'
    ? openProcess(resourceLimits, listener)
    : openThread(resourceLimits, listener)
}

function openThread(
  resourceLimits: ResourceLimits | undefined,
  listener: WorkerListener<FromWorker>,
): RegionChannel {
  const worker = startThread(REGION_WORKER, {}, { resourceLimits })
  watchThread(worker, listener)
  return {
    pulse: undefined,
    post: (message, transfers) => worker.postMessage(sealed(TO_WORKER, message), transfers),
    setRef: (isReffed) => keepAlive(worker, isReffed),
    kill: () => void worker.terminate(),
  }
}

/** The channel of a process uses advanced serialisation. */
function openProcess(
  resourceLimits: ResourceLimits | undefined,
  listener: WorkerListener<FromWorker>,
): RegionChannel {
  const execArgv = [...inheritedArguments(process.execArgv), ...argumentsOf(resourceLimits)]
  const pulse = Pulse.open()
  let child: ChildProcess
  try {
    child = startProcess(REGION_WORKER, pulse === undefined ? [] : [pulse.file], { execArgv }).child
  } catch (error) {
    pulse?.close()
    throw error
  }
  children.add(child)
  if (children.size === 1) process.on('exit', killAll)
  watchProcess<FromWorker>(child, {
    onMessage: (message) => listener.onMessage(message),
    ended: (exit) => {
      children.delete(child)
      if (children.size === 0) process.off('exit', killAll)
      listener.ended(exit)
      pulse?.close()
    },
  })
  return {
    pulse,
    // A process that has just died refuses messages. Its exit event follows.
    post: (message) => void (child.connected && child.send(sealed(TO_WORKER, message), () => {})),
    setRef: (isReffed) => keepAlive(child, isReffed),
    kill: () => void child.kill('SIGKILL'),
  }
}

const children: Set<ChildProcess> = new Set()

/** A busy process would not notice that this one ends. */
function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
