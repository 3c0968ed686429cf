import type { ResourceLimits } from 'node:worker_threads'
import { REMOTE_BRIDGE, REMOTE_PROCESS, REMOTE_THREAD } from '../../entries.ts'
import { SpindleError } from '../../errors.ts'
import { isBun, isDeno } from '../../runtime.ts'
import { SharedFile } from '../memory/shared-file.ts'
import { nestingArgument } from '../supervise/nesting.ts'
import { argumentsOf } from '../supervise/resource-limits.ts'
import { commandOf } from '../supervise/start-process.ts'
import { startThread } from '../supervise/start-worker.ts'
import { type Border, notTransferable, toProcess } from '../transport/not-transferable.ts'
import { walk } from '../transport/walk-value.ts'
import { encode } from './frames.ts'
import { PipelineChannel, type PipelineChannelOwner } from './pipeline-channel.ts'
import type { StartMessage } from './pipeline-protocol.ts'

type Limits = ResourceLimits | undefined

/**
 * Starts a thread that runs the hosted pipeline.
 *
 * @throws `ERR_NOT_TRANSFERABLE` if the start message cannot be sent.
 */
export function startInThread(
  owner: PipelineChannelOwner,
  startMessage: StartMessage,
  limits: Limits,
): PipelineChannel {
  checkCrossing(startMessage)
  return new PipelineChannel(owner, undefined, (ends) => {
    const { port, lifeline } = ends
    const options = { resourceLimits: limits, transferList: [port, lifeline] }
    try {
      return startThread(REMOTE_THREAD, { ...ends, startMessage }, options)
    } catch (error) {
      throw error instanceof DOMException && error.name === 'DataCloneError'
        ? crossing(startMessage, error)
        : error
    }
  })
}

/**
 * Starts a process that runs the hosted pipeline, and the thread between.
 *
 * @throws `ERR_NOT_TRANSFERABLE` if the start message cannot be sent.
 */
export function startInProcess(
  owner: PipelineChannelOwner,
  startMessage: StartMessage,
  limits: Limits,
): PipelineChannel {
  if (isBun)
    throw new SpindleError(
      'ERR_WORKER_START',
      'a whole pipeline cannot run in a process on Bun, whose processes inherit no sockets: use runPipelineInWorker(), or a ProcessPool for single ops',
    )
  checkCrossing(startMessage)
  try {
    encode(startMessage)
  } catch (error) {
    throw crossing(startMessage, error, toProcess)
  }
  const { execArgv, file, tsx } = commandOf(REMOTE_PROCESS)
  const command = [...execArgv, ...argumentsOf(limits), file, nestingArgument()]
  const slots = openSlots()
  return new PipelineChannel(owner, { slots }, (ends) =>
    startThread(
      REMOTE_BRIDGE,
      {
        ...ends,
        startMessage,
        command,
        hasTsx: tsx !== undefined,
        slots: slots?.handleFor(slots.fd),
      },
      { transferList: [ends.port, ends.lifeline] },
    ),
  )
}

function openSlots(): SharedFile | undefined {
  if (isDeno) return undefined
  try {
    return SharedFile.create()
  } catch {
    // No file can be made, so everything goes through the socket.
    return undefined
  }
}

/** Checks that the start message can be read on both sides before anything is started. */
function checkCrossing(startMessage: StartMessage): void {
  const { args, build } = startMessage
  try {
    walk({ args, build })
  } catch (error) {
    throw crossing(startMessage, error)
  }
}

function crossing({ args, build }: StartMessage, error: unknown, border?: Border): SpindleError {
  return notTransferable({ args, build }, 'options', error, border)
}
