import { markTsx } from '../../supervise/worker-modules.ts'
import type { StartMessage } from '../pipeline-protocol.ts'
import { type FarLink, Producer } from './producer.ts'

/**
 * Runs an assignment in this thread or process. If the thread or process ends early, the consumer
 * gets a message.
 */
export function runFarSide(link: FarLink, assignment: StartMessage, hasTsx: boolean): Producer {
  if (hasTsx) markTsx()
  let uncaught: unknown
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = error
  })
  const producer = new Producer(link, assignment)
  process.on('exit', (code) => producer.lastWords(`exit code ${code}`, uncaught))
  return producer
}
