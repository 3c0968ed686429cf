import { serialize } from 'node:v8'
import type { SpindleError } from '../../errors.ts'
import { notTransferable } from '../not-transferable.ts'
import type { Tally } from '../pack.ts'
import type { Carrier } from './carrier.ts'
import { readFully } from './file-bytes.ts'
import { isSharedMemory, type Path, putBack, withoutBuffers } from './parcels.ts'
import type { PoolMessage, WorkerMessage } from './protocol.ts'
import { Slab } from './slab.ts'

const FIELDS_OF_PARCEL = 5

/** Where memory for what arrives comes from, and what has left as a copy goes. */
export interface Memory {
  expect?(byteLength: number): void
  take?(byteLength: number): ArrayBuffer | undefined
  left?(buffer: ArrayBuffer): void
}

/** Between processes: messages over the channel that Node has for them, large buffers through a file in memory. */
export class IpcCarrier implements Carrier {
  readonly tally: Tally = { transferredBytes: 0, copiedBytes: 0 }
  readonly #post: (message: unknown) => void
  readonly #outgoing: Slab
  readonly #incoming: number
  readonly #memory: Memory
  /** Buffers whose contents go with the next message. */
  #copied: ArrayBuffer[] = []
  /** Place in the list, path in the value, kind of view, offset, length; and again. */
  #parcels: unknown[] = []

  /** `outgoing`, `incoming`: descriptors of the files for this side's buffers and the other's. */
  constructor(post: (message: unknown) => void, outgoing: number, incoming: number, memory: Memory) {
    this.#memory = memory
    this.#post = post
    this.#outgoing = new Slab(outgoing)
    this.#incoming = incoming
  }

  pack(value: unknown, at: number, slot: number, part: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    return withoutBuffers(value, (bytes, view, path) => {
      const offset = this.#outgoing.write(bytes, slot, part)
      if (offset === undefined) return false
      this.tally.copiedBytes += bytes.byteLength
      this.#parcels.push(at, path, view, offset, bytes.byteLength)
      if (bytes.byteLength === bytes.buffer.byteLength) this.#copied.push(bytes.buffer as ArrayBuffer)
      return true
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
    this.#post(parcels.length === 0 || typeof message !== 'object' ? message : { ...message, parcels })
    for (const buffer of copied) this.#memory.left?.(buffer)
  }

  open(list: unknown[], parcels: readonly unknown[] = []): void {
    for (let i = 0; i < parcels.length; i += FIELDS_OF_PARCEL) {
      const [at, path, view, offset, length] = parcels.slice(i, i + FIELDS_OF_PARCEL) as [
        number,
        Path,
        string,
        number,
        number,
      ]
      // Not zeroed first: it is all written to.
      this.#memory.expect?.(length)
      const used = this.#memory.take?.(length)
      const bytes = used === undefined ? Buffer.allocUnsafeSlow(length) : new Uint8Array(used)
      readFully(this.#incoming, bytes, offset)
      putBack(list as unknown as Record<PropertyKey, unknown>, at, path, bytes, view)
    }
  }

  release(slot: number, part: number = Number.POSITIVE_INFINITY): void {
    this.#outgoing.release(slot, part)
  }

  whyNot(value: unknown, what: string, cause: unknown): SpindleError {
    return notTransferable(value, what, cause, { to: 'process', canCross })
  }
}

/** @throws `ERR_NOT_TRANSFERABLE` if a value cannot cross to another process. */
export function checkCrossing(value: unknown, what: string): void {
  if (!canCross(value)) throw notTransferable(value, what, undefined, { to: 'process', canCross })
}

function canCross(value: unknown): boolean {
  if (isSharedMemory(value)) return false
  try {
    // `serialize` takes a view of shared memory for one of plain memory; this does not.
    withoutBuffers(value, () => false)
    serialize(value)
    return true
  } catch {
    return false
  }
}
