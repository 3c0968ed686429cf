import { markTsx } from '../../supervise/worker-modules.ts'
import type { StartMessage } from '../pipeline-protocol.ts'
import { type ConsumerChannel, Producer } from './producer.ts'

/**
 * Runs a hosted pipeline in this thread or process. If the thread or process ends early, the
 * consumer gets a message.
 */
export function runProducer(
  channel: ConsumerChannel,
  startMessage: StartMessage,
  hasTsx: boolean,
): Producer {
  if (hasTsx) markTsx()
  let uncaught: unknown
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = error
  })
  const producer = new Producer(channel, startMessage)
  process.on('exit', (code) => producer.lastWords(`exit code ${code}`, uncaught))
  return producer
}
