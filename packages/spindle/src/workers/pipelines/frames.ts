import { nodeV8 } from '../../builtins.ts'
import type { SlotTicket } from '../memory/shared-file.ts'

// Messages between processes, as bytes of a socket. V8's serialiser does here what structured
// cloning does for threads. Buffers that a thread would get by transfer are sent outside the
// message: large ones through shared slots, the others behind the message.
//
//   u32 bytes of the message, u32 number of items in it, u32 number of buffers,
//   for each buffer: i32 slot (-1: it follows), u32 bytes, u32 generation of the slot;
//   the message, the buffers that follow

/** A message and the buffers outside it. */
export interface Encoded {
  readonly message: Uint8Array
  readonly buffers: readonly ArrayBuffer[]
}

/** @throws an error if the value cannot be cloned. */
export function encode(value: unknown, buffers: Iterable<ArrayBuffer> = []): Encoded {
  const left = [...buffers]
  const serializer = new (nodeV8().Serializer)()
  serializer.writeHeader()
  for (const [id, buffer] of left.entries()) serializer.transferArrayBuffer(id, buffer)
  serializer.writeValue(value)
  return { message: serializer.releaseBuffer(), buffers: left }
}

export function decode({ message, buffers }: Encoded): unknown {
  const deserializer = new (nodeV8().Deserializer)(message)
  deserializer.readHeader()
  for (const [id, buffer] of buffers.entries()) deserializer.transferArrayBuffer(id, buffer)
  return deserializer.readValue() as unknown
}

const WORDS_OF_START = 3
const WORDS_OF_BUFFER = 3

/** The bytes of a frame, in order. `place` puts a buffer into a slot and returns its ticket. */
export function frameOf(
  { message, buffers }: Encoded,
  items: number,
  place: (buffer: ArrayBuffer) => SlotTicket | undefined,
): Uint8Array[] {
  const start = new Int32Array(WORDS_OF_START + WORDS_OF_BUFFER * buffers.length)
  const following: Uint8Array[] = []
  start.set([message.byteLength, items, buffers.length])
  buffers.forEach((buffer, i) => {
    const ticket = place(buffer)
    // A copy, because the bytes may wait for the socket while the module writes to its buffer.
    if (ticket === undefined) following.push(new Uint8Array(buffer.slice(0)))
    start.set(
      [ticket?.slot ?? -1, buffer.byteLength, ticket?.generation ?? 0],
      WORDS_OF_START + WORDS_OF_BUFFER * i,
    )
  })
  return [new Uint8Array(start.buffer), message, ...following]
}

/** A frame on the reader's side. The message has its own memory. */
export interface Frame {
  /** Number of items in the message. */
  readonly items: number
  readonly message: Uint8Array<ArrayBuffer>
  /** In the order in which they were taken out of the message. */
  readonly buffers: readonly (SlotTicket | ArrayBuffer)[]
}

/** Assembles frames from the pieces that a socket gives. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  #part: Uint8Array<ArrayBuffer> = bytes(4 * WORDS_OF_START)
  #filled = 0
  /** What to do with the current part once it is complete. */
  #next: (part: Uint8Array<ArrayBuffer>) => void = (part) => this.#started(part)

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const count = Math.min(chunk.byteLength - at, this.#part.byteLength - this.#filled)
      this.#part.set(
        count === chunk.byteLength ? chunk : chunk.subarray(at, at + count),
        this.#filled,
      )
      this.#filled += count
      at += count
      if (this.#filled === this.#part.byteLength) this.#next(this.#part)
    }
  }

  #expect(byteLength: number, next: (part: Uint8Array<ArrayBuffer>) => void): void {
    this.#part = bytes(byteLength)
    this.#filled = 0
    this.#next = next
    if (byteLength === 0) next(this.#part)
  }

  #started(part: Uint8Array<ArrayBuffer>): void {
    const [messageBytes, items, count] = words(part) as unknown as [number, number, number]
    this.#expect(4 * WORDS_OF_BUFFER * count, (table) => {
      this.#expect(messageBytes, (message) =>
        this.#follow({ message, items, buffers: [] }, words(table)),
      )
    })
  }

  #follow(
    frame: Frame & { readonly buffers: (SlotTicket | ArrayBuffer)[] },
    table: Int32Array,
  ): void {
    const at = WORDS_OF_BUFFER * frame.buffers.length
    if (at === table.length) {
      this.#expect(4 * WORDS_OF_START, (part) => this.#started(part))
      this.#onFrame(frame)
      return
    }
    const [slot, byteLength, generation] = table.subarray(at) as unknown as [number, number, number]
    if (slot >= 0) {
      frame.buffers.push({ slot, byteLength: byteLength >>> 0, generation: generation >>> 0 })
      this.#follow(frame, table)
    } else
      this.#expect(byteLength >>> 0, (part) => {
        frame.buffers.push(part.buffer)
        this.#follow(frame, table)
      })
  }
}

/** Not zeroed, because all of it is written; never a part of Node's own pool. */
function bytes(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer as ArrayBuffer)
}

function words(part: Uint8Array<ArrayBuffer>): Int32Array {
  return new Int32Array(part.buffer)
}
