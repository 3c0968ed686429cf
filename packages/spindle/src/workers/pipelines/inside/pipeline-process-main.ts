import { Socket } from 'node:net'
import { watchParent } from '../../calls/orphan-watch.ts'
import { SharedFile, type SharedFileHandle } from '../../memory/shared-file.ts'
import type { Lifeline } from '../../supervise/loop-end.ts'
import { joinProcess } from '../../supervise/nesting.ts'
import { decode, encode, type Frame, FrameReader, frameOf } from '../frames.ts'
import {
  type ConsumerMessage,
  LARGE_BYTES,
  MESSAGE_FD,
  type RemoteMessage,
  type StartMessage,
} from '../pipeline-protocol.ts'
import { type ConsumerChannel, type EpochRunner, runEpochs } from './epoch-runner.ts'

// The main module of the process of a whole pipeline.

/** The first message to the process. */
export interface PipelineProcessSetup {
  readonly startMessage: StartMessage
  readonly slots: SharedFileHandle | undefined
  readonly hasTsx: boolean
}

joinProcess()
// Ctrl-C in a terminal signals all its processes. The consumer decides when this one ends.
process.on('SIGINT', () => {})

const socket = new Socket({ fd: MESSAGE_FD, readable: true, writable: true })
let slots: SharedFile | undefined
let runner: EpochRunner | undefined

class ProcessConsumerChannel implements ConsumerChannel {
  readonly lifeline: Lifeline = socket

  sendItems(items: unknown[], refill: number, transfers: Set<ArrayBuffer>): void {
    this.#write({ kind: 'items', items, refill, leases: [] }, items.length, transfers)
  }

  send(message: RemoteMessage): void {
    this.#write(message, 0, [])
  }

  #write(message: RemoteMessage, items: number, transfers: Iterable<ArrayBuffer>): void {
    const parts = frameOf(encode(message, transfers), items, (buffer) =>
      buffer.byteLength >= LARGE_BYTES ? slots?.write(new Uint8Array(buffer)) : undefined,
    )
    socket.cork()
    for (const part of parts) socket.write(part)
    socket.uncork()
  }

  working(): void {}

  atRest(): void {
    // The last messages are on their way. The bridge closes its end after it has received them.
    socket.end(() => process.exit(0))
  }
}

const reader = new FrameReader(({ message, buffers }: Frame) => {
  const received = decode({ message, buffers: buffers as ArrayBuffer[] })
  if (runner === undefined) begin(received as PipelineProcessSetup)
  else onMessage(received as ConsumerMessage)
})

function begin(setup: PipelineProcessSetup): void {
  if (setup.slots !== undefined) slots = SharedFile.attach(setup.slots)
  runner = runEpochs(new ProcessConsumerChannel(), setup.startMessage, setup.hasTsx)
}

function onMessage(message: ConsumerMessage): void {
  if (message.kind === 'taken') for (const ticket of message.read) slots?.free(ticket)
  runner?.onMessage(message)
}

// The other end has closed, so the parent has ended. This process then ends by itself, or is ended
// if its own code blocks the event loop.
socket.on('close', () => {
  const ended = runner?.stop('abort', undefined) ?? Promise.resolve()
  void ended.finally(() => process.exit(0))
})
socket.on('error', () => {})
socket.on('data', (chunk) => reader.push(chunk))

watchParent()
