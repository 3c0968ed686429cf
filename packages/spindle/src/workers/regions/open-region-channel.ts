import type { ResourceLimits, Worker } from 'node:worker_threads'
import { REGION_WORKER } from '../../entries.ts'
import { startThread } from '../supervise/start-worker.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { openProcess } from './process-channel.ts'
import type { Channel, ChannelListener } from './region-channel.ts'
import type { FromWorker } from './region-protocol.ts'

/** Starts a worker of a region. May throw. */
export function openChannel(
  kind: 'thread' | 'process',
  resourceLimits: ResourceLimits | undefined,
  listener: ChannelListener,
): Channel {
  return kind === 'process'
    ? openProcess(REGION_WORKER, resourceLimits, listener)
    : openThread(resourceLimits, listener)
}

function openThread(
  resourceLimits: ResourceLimits | undefined,
  listener: ChannelListener,
): Channel {
  const worker: Worker = startThread(REGION_WORKER, {}, { resourceLimits })
  let error: unknown
  worker.on('message', (message: unknown) => {
    const told = opened(FROM_WORKER, message)
    if (told !== undefined) listener.heard(told as FromWorker)
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
