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

// What runs in the thread between the consumer and the process of a whole pipeline. It starts the
// process, takes its messages from the socket as they come, and passes them on undecoded: so the
// consumer may block its own thread, and hears of the process's death even then.

/** What the thread is started with. */
export interface BridgeSetup extends EntrySetup {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly lifeline: MessagePort
  readonly assignment: StartMessage
  /** Command line of the process: flags of Node and the entry. */
  readonly command: readonly string[]
  readonly hasTsx: boolean
  /** Slots for large buffers, as this process has them. */
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
/** Slots that were read here, and not told of. */
let read: SlotTicket[] = []
/** Items passed on, and those that the consumer has taken. */
let passed = 0
let taken = 0

socket.on('data', (chunk) => reader.push(chunk))
// A process that dies while it is told something: its end is heard of below.
socket.on('error', () => {})
child.on('error', (error) => died(`it could not be started: ${messageOf(error)}`))
child.on('exit', (code, signal) => {
  const how = signal === null ? `exit code ${code}` : `killed by ${signal}`
  // What it wrote before lies in the socket yet, which ends with it, unless a grandchild holds its
  // other end.
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
  // A consumer that has something to do is spared the reading; one that waits for this has nothing
  // better to do.
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
  // If that was meant, the consumer knows.
  post({ kind: 'died', how, error: undefined }, [])
  lifeline.close()
  process.exit(0)
}

function post(message: PortMessage, transfers: readonly ArrayBuffer[]): void {
  port.postMessage(message, transfers)
  Atomics.add(control, POSTED, 1)
  Atomics.notify(control, POSTED)
}
