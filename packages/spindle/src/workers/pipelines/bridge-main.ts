import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { type MessagePort, workerData } from 'node:worker_threads'
import { messageOf } from '../../errors.ts'
import { clearTimeout, setTimeout } from '../../timers.ts'
import { SharedFile, type SharedFileHandle, type SlotTicket } from '../memory/shared-file.ts'
import { StartTries } from '../supervise/start-tries.ts'
import type { EntrySetup } from '../supervise/start-worker.ts'
import { encode, type Frame, FrameReader, frameOf } from './frames.ts'
import type { PipelineProcessSetup } from './inside/pipeline-process-main.ts'
import {
  type ConsumerMessage,
  MESSAGE_FD,
  POSTED,
  type PortMessage,
  SLOTS_FD,
  type StartMessage,
} from './pipeline-protocol.ts'

// The main module of the thread between the consumer and the process of a whole pipeline. It starts
// the process, receives its messages from the socket at once, and passes them on without decoding.
// So the consumer may block its own thread and still learns of the process's death.

/** What the thread is started with. */
export interface BridgeSetup extends EntrySetup {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly lifeline: MessagePort
  readonly startMessage: StartMessage
  /** Command line of the process: Node's flags and the entry. */
  readonly command: readonly string[]
  readonly hasTsx: boolean
  /** Slots for large buffers, as seen in this process. */
  readonly slots: SharedFileHandle | undefined
}

const {
  port,
  control: controlBuffer,
  lifeline,
  startMessage,
  command,
  hasTsx,
  slots: handle,
} = workerData as BridgeSetup
const control = new Int32Array(controlBuffer)
const slots = handle === undefined ? undefined : SharedFile.attach(handle)

/** Slots that were read here and not reported yet. */
let read: SlotTicket[] = []
/** Number of items passed on, and number of items that the consumer has taken. */
let passed = 0
let taken = 0

let child: ChildProcess
let socket: Socket
/** Whether the process has sent anything, the first of which is that it is ready. */
let hasSpoken = false
/** Whether the end of the process is wanted. */
let isEnding = false
const tries = new StartTries()
/** What was sent to a process that has not spoken yet: another one gets it again. */
let sent: (ConsumerMessage | PipelineProcessSetup)[] = []

start()
port.on('message', (message: ConsumerMessage) => {
  isEnding ||= message.kind === 'kill' || message.kind === 'stop'
  if (message.kind === 'kill') child.kill('SIGKILL')
  else send(message.kind === 'taken' ? withRead(message) : message)
})
send({ startMessage, slots: slots?.handleFor(SLOTS_FD), hasTsx })

function start(): void {
  const started = spawn(process.execPath, [...command], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...(slots === undefined ? [] : [slots.fd])],
  })
  child = started
  socket = started.stdio[MESSAGE_FD] as Socket
  const reader = new FrameReader((frame) => {
    hasSpoken = true
    sent = []
    passOn(frame)
  })
  socket.on('data', (chunk) => reader.push(chunk))
  // A process may die while a message is being sent to it. Its exit is handled below.
  socket.on('error', () => {})
  started.on('error', (error) => died(`it could not be started: ${messageOf(error)}`))
  started.on('exit', (code, signal) => {
    const how = signal === null ? `exit code ${code}` : `killed by ${signal}`
    let isOver = false
    const ended = (): void => {
      if (isOver) return
      isOver = true
      if (signal === null || !startsAgain(how)) died(how)
    }
    // What it has written is still in the socket. The socket closes with the process unless a
    // grandchild holds its other end.
    const late = setTimeout(ended, 1000)
    started.on('close', () => {
      clearTimeout(late)
      ended()
    })
  })
}

/**
 * Starts the process again if it was killed before it was ready, as happens when memory is short.
 * Returns false if it was ready, or after too many attempts.
 */
function startsAgain(how: string): boolean {
  if (hasSpoken || isEnding) return false
  const waitMs = tries.failedWith(undefined)
  if (waitMs === undefined) return false
  setTimeout(() => {
    if (isEnding) return died(how)
    start()
    for (const message of sent) write(message)
  }, waitMs)
  return true
}

function send(message: ConsumerMessage | PipelineProcessSetup): void {
  if (!hasSpoken) sent.push(message)
  write(message)
}

function write(message: ConsumerMessage | PipelineProcessSetup): void {
  if (!socket.writable) return
  for (const part of frameOf(encode(message), 0, () => undefined)) socket.write(part)
}

function withRead(message: ConsumerMessage & { readonly kind: 'taken' }): ConsumerMessage {
  taken = message.items
  const tickets = [...message.read, ...read]
  read = []
  return { ...message, read: tickets }
}

function passOn({ message, items, buffers: parts }: Frame): void {
  // A busy consumer is spared the reading of slots; one that waits for this message can read them
  // itself.
  const isAwaited = passed <= taken
  passed += items
  const buffers = parts.map((part) =>
    part instanceof ArrayBuffer || isAwaited ? part : fromSlots(part),
  )
  const transfers = buffers.filter((buffer) => buffer instanceof ArrayBuffer)
  post({ kind: 'encoded', message, buffers }, [message.buffer, ...transfers])
}

function fromSlots(ticket: SlotTicket): ArrayBuffer {
  const bytes = (slots as SharedFile).read(ticket)
  read.push(ticket)
  return bytes.buffer as ArrayBuffer
}

function died(how: string): void {
  // If the end was intended, the consumer knows.
  post({ kind: 'died', how, error: undefined }, [])
  lifeline.close()
  process.exit(0)
}

function post(message: PortMessage, transfers: readonly ArrayBuffer[]): void {
  port.postMessage(message, transfers)
  Atomics.add(control, POSTED, 1)
  Atomics.notify(control, POSTED)
}
