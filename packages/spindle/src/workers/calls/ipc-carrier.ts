import type { SpindleError } from '../../errors.ts'
import { type Border, notTransferable, toProcess } from '../transport/not-transferable.ts'
import type { TransferStats } from '../transport/pack.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'
import type { Carrier } from './carrier.ts'
import { readFully } from './file-bytes.ts'
import {
  FIELDS_OF_PARCEL,
  isSharedMemory,
  type Parcel,
  restoreBuffers,
  withoutBuffers,
} from './out-of-band-buffers.ts'
import { Slab } from './slab.ts'

/** Where memory for what arrives comes from, and what has left as a copy goes. */
export interface Memory {
  expect?(byteLength: number): void
  take?(byteLength: number): ArrayBuffer | undefined
  left?(buffer: ArrayBuffer): void
}

/**
 * Between processes: messages over the channel that Node has for them, large buffers through a file
 * in memory.
 */
export class IpcCarrier implements Carrier {
  readonly tally: TransferStats = { transferredBytes: 0, copiedBytes: 0 }
  sent = 0
  readonly #post: (message: unknown) => void
  readonly #outgoing: Slab
  readonly #incoming: number
  readonly #memory: Memory
  /** Buffers whose contents go with the next message. */
  #copied: ArrayBuffer[] = []
  /** See {@link Parcel}. */
  #parcels: unknown[] = []

  /** `outgoing`, `incoming`: descriptors of the files for this side's buffers and the other's. */
  constructor(
    post: (message: unknown) => void,
    outgoing: number,
    incoming: number,
    memory: Memory,
  ) {
    this.#memory = memory
    this.#post = post
    this.#outgoing = new Slab(outgoing)
    this.#incoming = incoming
  }

  pack(value: unknown, at: number, slot: number, part: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    const extractBuffers = (bytes: Uint8Array): number | undefined => {
      const offset = this.#outgoing.write(bytes, slot, part)
      if (offset === undefined) return undefined
      this.tally.copiedBytes += bytes.byteLength
      if (bytes.byteLength === bytes.buffer.byteLength)
        this.#copied.push(bytes.buffer as ArrayBuffer)
      return offset
    }
    return withoutBuffers(value, at, extractBuffers, (parcels) => {
      for (const parcel of parcels) this.#parcels.push(...parcel)
    })
  }

  give(): boolean {
    return false
  }

  send(message: PoolMessage | WorkerMessage): void {
    const parcels = this.#parcels
    const copied = this.#copied
    this.#parcels = []
    this.#copied = []
    this.#post(
      parcels.length === 0 || typeof message !== 'object' ? message : { ...message, parcels },
    )
    this.sent++
    for (const buffer of copied) this.#memory.left?.(buffer)
  }

  open(list: unknown[], parcels: readonly unknown[] = []): void {
    const views = new Map<string, object>()
    const read = (offset: number, byteLength: number): ArrayBuffer => this.#read(offset, byteLength)
    for (let i = 0; i < parcels.length; i += FIELDS_OF_PARCEL)
      restoreBuffers(list, parcels.slice(i, i + FIELDS_OF_PARCEL) as unknown as Parcel, read, views)
  }

  #read(offset: number, byteLength: number): ArrayBuffer {
    // Not zeroed first: it is all written to.
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

/** Processes of a pool share no memory, and views of it are not taken for copies. */
const border: Border = {
  to: 'process',
  canCross: (value) => !isSharedMemory(value) && toProcess.canCross(value),
}

/** @throws `ERR_NOT_TRANSFERABLE` if a value cannot cross to another process. */
export function checkCrossing(value: unknown, what: string): void {
  if (!canCross(value)) throw notTransferable(value, what, undefined, border)
}

function canCross(value: unknown): boolean {
  try {
    // Finds views of shared memory anywhere in it, which Node's channel takes for views of plain
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
