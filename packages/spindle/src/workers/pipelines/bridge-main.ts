import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { type MessagePort, workerData } from 'node:worker_threads'
import { messageOf } from '../../errors.ts'
import { clearTimeout, setTimeout } from '../../timers.ts'
import { FileSlots, type FileSlotsHandle, type SlotTicket } from '../memory/file-slots.ts'
import type { EntrySetup } from '../supervise/start-worker.ts'
import { encode, type Frame, FrameReader, frameOf } from './frames.ts'
import type { ProcessSetup } from './inside/pipeline-process-main.ts'
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
  readonly assignment: StartMessage
  /** Command line of the process: Node's flags and the entry. */
  readonly command: readonly string[]
  readonly hasTsx: boolean
  /** Slots for large buffers, as seen in this process. */
  readonly slots: FileSlotsHandle | undefined
}

const {
  port,
  control: controlBuffer,
  lifeline,
  assignment,
  command,
  hasTsx,
  slots: handle,
} = workerData as BridgeSetup
const control = new Int32Array(controlBuffer)
const slots = handle === undefined ? undefined : FileSlots.attach(handle)

const child = spawn(process.execPath, [...command], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...(slots === undefined ? [] : [slots.fd])],
})
const socket = child.stdio[MESSAGE_FD] as Socket
const reader = new FrameReader(passOn)
/** Slots that were read here and not reported yet. */
let read: SlotTicket[] = []
/** Number of items passed on, and number of items that the consumer has taken. */
let passed = 0
let taken = 0

socket.on('data', (chunk) => reader.push(chunk))
// A process may die while a message is being sent to it. Its exit is handled below.
socket.on('error', () => {})
child.on('error', (error) => died(`it could not be started: ${messageOf(error)}`))
child.on('exit', (code, signal) => {
  const how = signal === null ? `exit code ${code}` : `killed by ${signal}`
  // What it has written is still in the socket. The socket closes with the process unless a
  // grandchild holds its other end.
  const late = setTimeout(() => died(how), 1000)
  child.on('close', () => {
    clearTimeout(late)
    died(how)
  })
})
port.on('message', (message: ConsumerMessage) => {
  if (message.kind === 'kill') child.kill('SIGKILL')
  else {
    tell(message.kind === 'taken' ? withRead(message) : message)
  }
})
const setup: ProcessSetup = { assignment, slots: slots?.handleFor(SLOTS_FD), hasTsx }
tell(setup)

function tell(message: ConsumerMessage | ProcessSetup): void {
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
  const bytes = (slots as FileSlots).read(ticket)
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
