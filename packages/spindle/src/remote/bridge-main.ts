import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { type MessagePort, workerData } from 'node:worker_threads'
import { messageOf } from '../errors.ts'
import { FileSlots, type SlotTicket } from '../placement/memory/file-slots.ts'
import type { EntrySetup } from '../placement/start-worker.ts'
import { encode, type Frame, FrameReader, frameOf } from './frames.ts'
import type { BridgeMessage, ProcessSetup } from './process-main.ts'
import {
  type Assignment,
  type ConsumerMessage,
  LIFE_FD,
  MESSAGE_FD,
  POSTED,
  type PortMessage,
  SLOTS_FD,
} from './protocol.ts'

// What runs in the thread between the consumer and the process of a whole pipeline. It starts the process, takes its messages from the socket
// as they come, and passes them on undecoded: so the consumer may block its own thread, and hears of the process's death even then.

/** What the thread is started with. */
export interface BridgeSetup extends EntrySetup {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly lifeline: MessagePort
  readonly assignment: Assignment
  /** Command line of the process: flags of Node and the entry. */
  readonly command: readonly string[]
  readonly hasTsx: boolean
}

/** Slots that were read are told of when there are so many. */
const SLOTS_PER_MESSAGE = 32

const { port, control: controlBuffer, lifeline, assignment, command, hasTsx } = workerData as BridgeSetup
const control = new Int32Array(controlBuffer)
const slots = openSlots()
let isStopping = false

const child = spawn(process.execPath, [...command], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', ...(slots === undefined ? [] : [slots.fd])],
})
const socket = child.stdio[MESSAGE_FD] as Socket
const reader = new FrameReader(passOn)
let read: SlotTicket[] = []
let slotsRead = 0

socket.on('data', (chunk) => reader.push(chunk))
// A process that dies while it is told something: its end is heard of below.
socket.on('error', () => {})
child.stdio[LIFE_FD]?.on('error', () => {})
child.on('error', (error) => died(`it could not be started: ${messageOf(error)}`))
child.on('exit', (code, signal) => {
  const how = signal === null ? `exit code ${code}` : `killed by ${signal}`
  // What it wrote before lies in the socket yet, which ends with it, unless a grandchild holds its other end.
  const late = setTimeout(() => died(how), 1000)
  child.on('close', () => {
    clearTimeout(late)
    died(how)
  })
})
port.on('message', (message: ConsumerMessage) => {
  if (message.kind === 'kill') child.kill('SIGKILL')
  else {
    if (message.kind === 'stop') isStopping = true
    tell(message)
  }
})
const setup: ProcessSetup = { assignment, slots: slots?.handleFor(SLOTS_FD), hasTsx }
tell(setup)

function openSlots(): FileSlots | undefined {
  try {
    return FileSlots.create()
  } catch {
    // Nowhere to make a file: everything goes through the socket.
    return undefined
  }
}

function tell(message: BridgeMessage | ProcessSetup): void {
  if (!socket.writable) return
  for (const part of frameOf(encode(message), () => undefined)) socket.write(part)
}

function passOn({ message, buffers: parts }: Frame): void {
  const buffers = parts.map((part) => (part instanceof ArrayBuffer ? part : fromSlots(part)))
  post({ kind: 'encoded', message, buffers }, [message.buffer, ...buffers])
  if (slotsRead < SLOTS_PER_MESSAGE) return
  tell({ kind: 'read', tickets: read })
  read = []
  slotsRead = 0
}

function fromSlots(ticket: SlotTicket): ArrayBuffer {
  const bytes = (slots as FileSlots).read(ticket)
  read.push(ticket)
  slotsRead += Math.ceil(ticket.byteLength / (slots as FileSlots).slotBytes)
  return bytes.buffer as ArrayBuffer
}

function died(how: string): void {
  if (!isStopping) post({ kind: 'died', how, error: undefined }, [])
  slots?.close()
  lifeline.close()
  process.exit(0)
}

function post(message: PortMessage, transfers: readonly ArrayBuffer[]): void {
  port.postMessage(message, transfers)
  Atomics.add(control, POSTED, 1)
  Atomics.notify(control, POSTED)
}
