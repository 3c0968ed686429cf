import { Transform, type TransformCallback } from 'node:stream'
import { MediaError } from '../base/errors.ts'
import { hasMp4Start, readMp4 } from '../ffmpeg/containers/mp4.ts'
import { refuseBombsInBoxes } from '../ffmpeg/refuse-bombs.ts'
import { refuseStill } from '../ffmpeg/still-pictures.ts'
import type { SyncReader } from '../files/routine.ts'

/** Largest index of a file or fragment, in bytes, that is held back for the check. */
const MOST_HELD = 1 << 26
/** Boxes that are not checked; FFmpeg accepts a table of samples in any other box. */
const PASSED: ReadonlySet<string> = new Set(['mdat', 'free', 'skip', 'wide'])
/** Brands of files with one picture; files of other brands may also be videos. */
const STILL = /^(?:mif|hei|avif)/
/** Size of the largest box header, in bytes. */
const HEADER_BYTES = 16

/**
 * Passes bytes on and checks the MP4 indexes among them, each as a whole before FFmpeg sees it: a
 * stream of a few bytes may announce samples for gigabytes of index. States: `header -> held |
 * passed -> header`, for each box; `off` for other formats.
 */
export class Mp4Watch extends Transform {
  #held: Buffer[] = []
  #heldBytes = 0
  /** Total size of a box that is held back, in bytes; 0 while its header is incomplete. */
  #wanted = 0
  /** Bytes of a box that still pass unchanged. */
  #passing = 0
  #isOff = false
  #isFirst = true
  #isStill = false

  override _transform(piece: Uint8Array, _: BufferEncoding, done: TransformCallback): void {
    try {
      this.#take(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  override _flush(done: TransformCallback): void {
    if (this.#heldBytes > 0) this.push(Buffer.concat(this.#held))
    done()
  }

  #take(bytes: Buffer): void {
    let rest = bytes
    while (rest.length > 0) {
      if (this.#isOff || this.#passing > 0) {
        const length = this.#isOff ? rest.length : Math.min(rest.length, this.#passing)
        this.push(rest.subarray(0, length))
        if (!this.#isOff) this.#passing -= length
        rest = rest.subarray(length)
        continue
      }
      const wanted = this.#wanted === 0 ? HEADER_BYTES : this.#wanted
      const length = Math.min(rest.length, wanted - this.#heldBytes)
      this.#held.push(Buffer.from(rest.subarray(0, length)))
      this.#heldBytes += length
      rest = rest.subarray(length)
      if (this.#heldBytes < wanted) return
      if (this.#wanted === 0) this.#readHeader()
      else this.#lookAt()
    }
  }

  #readHeader(): void {
    const head = Buffer.concat(this.#held)
    if (this.#isFirst && !hasMp4Start(head)) this.#isOff = true
    this.#isFirst = false
    const short = head.readUInt32BE(0)
    const size = short === 1 ? Number(head.readBigUInt64BE(8)) : short
    const type = head.toString('latin1', 4, 8)
    const isIndex = !PASSED.has(type)
    // A box that extends to the end of the stream, or no box.
    if (size < 8 && (!isIndex || this.#isOff)) this.#isOff = true
    else if (size < 8) throw new MediaError('ERR_DECODE', `damaged: a box of ${size} bytes`)
    if (isIndex && !this.#isOff && size > MOST_HELD)
      throw new MediaError(
        'ERR_UNSUPPORTED',
        `a box (${type}) of ${size} bytes in a stream: save it to a file first`,
      )
    if (isIndex && !this.#isOff && size >= HEADER_BYTES) {
      this.#wanted = size
      if (size === this.#heldBytes) this.#lookAt()
      return
    }
    if (!this.#isOff && size >= 8 && size < HEADER_BYTES) {
      // The next header has begun.
      this.push(head.subarray(0, size))
      this.#held = [head.subarray(size)]
      this.#heldBytes = HEADER_BYTES - size
      return
    }
    this.#pass(head)
    this.#passing = this.#isOff ? 0 : size - head.length
  }

  #lookAt(): void {
    const box = Buffer.concat(this.#held)
    const type = box.toString('latin1', 4, 8)
    const reader: SyncReader = {
      size: box.length,
      isOwn: false,
      read: (at, length) => box.subarray(at, at + length),
    }
    refuseBombsInBoxes(reader)
    if (type === 'ftyp') this.#isStill = STILL.test(box.toString('latin1', 8, 12))
    if (type === 'meta' && this.#isStill) {
      const picture = readMp4(reader)?.picture
      if (picture !== undefined && picture.item !== 'av01') refuseStill(picture)
    }
    this.#pass(box)
  }

  #pass(bytes: Buffer): void {
    this.push(bytes)
    this.#held = []
    this.#heldBytes = 0
    this.#wanted = 0
  }
}
