import type { SpindleError } from '../../errors.ts'
import { readFully } from '../memory/unnamed-file.ts'
import { warnOfLostMethods } from '../transport/lost-methods.ts'
import { type Border, notTransferable, toProcess } from '../transport/not-transferable.ts'
import type { TransferStats } from '../transport/pack.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'
import {
  type ExtractedBuffer,
  FIELDS_OF_EXTRACTED,
  isSharedMemory,
  restoreBuffers,
  withoutBuffers,
} from './out-of-band-buffers.ts'
import type { CallTransport } from './pool-channel.ts'
import { SharedFileWriter } from './shared-file-writer.ts'

/** Provides memory for received buffers, and takes back buffers that were sent as copies. */
export interface ReceiveMemory {
  expect?(byteLength: number): void
  take?(byteLength: number): ArrayBuffer | undefined
  left?(buffer: ArrayBuffer): void
}

/**
 * Copying this many bytes into the file, or out of it, takes twice as long as a message. So
 * both sides copy at the same time, and messages still cost less than the copies.
 */
const PLENTY_BYTES = 1 << 17

/**
 * The transport between processes. Messages use Node's IPC channel; large buffers go through a file
 * in memory.
 */
export class ProcessTransport implements CallTransport {
  readonly stats: TransferStats = { transferredBytes: 0, copiedBytes: 0 }
  sent = 0
  readonly #post: (message: unknown) => void
  readonly #outgoing: SharedFileWriter
  readonly #incoming: number
  readonly #memory: ReceiveMemory
  /** Number of bytes in the file for the next message. */
  #ready = 0
  /** Buffers whose contents were copied into the next message. */
  #copied: ArrayBuffer[] = []
  /** See {@link ExtractedBuffer}. */
  #extracted: unknown[] = []

  /** `outgoing`, `incoming`: file descriptors for this side's buffers and for the other side's. */
  constructor(
    post: (message: unknown) => void,
    outgoing: number,
    incoming: number,
    memory: ReceiveMemory,
  ) {
    this.#memory = memory
    this.#post = post
    this.#outgoing = new SharedFileWriter(outgoing)
    this.#incoming = incoming
  }

  pack(value: unknown, at: number, slot: number, part: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    warnOfLostMethods(value)
    const extractBuffers = (bytes: Uint8Array): number | undefined => {
      const offset = this.#outgoing.write(bytes, slot, part)
      if (offset === undefined) return undefined
      this.stats.copiedBytes += bytes.byteLength
      this.#ready += bytes.byteLength
      if (bytes.byteLength === bytes.buffer.byteLength)
        this.#copied.push(bytes.buffer as ArrayBuffer)
      return offset
    }
    return withoutBuffers(value, at, extractBuffers, (extracted) => {
      for (const buffer of extracted) this.#extracted.push(...buffer)
    })
  }

  get hasPlenty(): boolean {
    return this.#ready >= PLENTY_BYTES
  }

  give(): boolean {
    return false
  }

  send(message: PoolMessage | WorkerMessage): void {
    const extracted = this.#extracted
    const copied = this.#copied
    this.#extracted = []
    this.#copied = []
    this.#ready = 0
    this.#post(
      extracted.length === 0 || typeof message !== 'object' ? message : { ...message, extracted },
    )
    this.sent++
    for (const buffer of copied) this.#memory.left?.(buffer)
  }

  open(list: unknown[], extracted: readonly unknown[] = []): void {
    const views = new Map<string, object>()
    const read = (offset: number, byteLength: number): ArrayBuffer => this.#read(offset, byteLength)
    for (let i = 0; i < extracted.length; i += FIELDS_OF_EXTRACTED)
      restoreBuffers(
        list,
        extracted.slice(i, i + FIELDS_OF_EXTRACTED) as unknown as ExtractedBuffer,
        read,
        views,
      )
  }

  #read(offset: number, byteLength: number): ArrayBuffer {
    // Not zeroed first, because it is overwritten completely.
    this.#memory.expect?.(byteLength)
    const used = this.#memory.take?.(byteLength)
    const bytes = used === undefined ? Buffer.allocUnsafeSlow(byteLength) : new Uint8Array(used)
    readFully(this.#incoming, bytes, offset)
    return bytes.buffer as ArrayBuffer
  }

  release(slot: number, part: number = Number.POSITIVE_INFINITY): void {
    this.#outgoing.release(slot, part)
  }

  whyNot(value: unknown, what: string, cause: unknown): SpindleError {
    return notTransferable(value, what, cause, border)
  }
}

/**
 * Processes of a pool share no memory, so views of shared memory are refused rather than copied.
 */
const border: Border = {
  to: 'process',
  canCross: (value) => !isSharedMemory(value) && toProcess.canCross(value),
}

/** @throws `ERR_NOT_TRANSFERABLE` if a value cannot be sent to another process. */
export function checkCrossing(value: unknown, what: string): void {
  if (!canCross(value)) throw notTransferable(value, what, undefined, border)
}

function canCross(value: unknown): boolean {
  try {
    // Finds views of shared memory at any depth. Node's channel would treat them as views of plain
    // memory.
    if (typeof value === 'object' && value !== null)
      withoutBuffers(
        value,
        0,
        () => undefined,
        () => {},
      )
    return border.canCross(value)
  } catch {
    return false
  }
}
