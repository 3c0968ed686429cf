import { Transform, type TransformCallback } from 'node:stream'
import { MediaError } from '../errors.ts'
import { hasMp4Start } from '../ffmpeg/mp4.ts'
import { refuseBombs } from '../ffmpeg/refuse-bombs.ts'

/** Bytes of an index, or of a fragment's, that are held back until they have been looked at. */
const MOST_HELD = 1 << 26
/** Bytes of the largest header of a box. */
const HEADER_BYTES = 16

/**
 * Passes bytes on, and looks at the indexes of MP4 among them, each as a whole before FFmpeg sees it: a stream of a few bytes may announce samples for
 * gigabytes of index. States: `header -> held | passed -> header`, by box; `off` for what is no MP4.
 */
export class Mp4Watch extends Transform {
  #held: Buffer[] = []
  #heldBytes = 0
  /** Bytes that the box has in all, where it is held back; 0 while its header is not known. */
  #wanted = 0
  /** Bytes of a box that still pass as they are. */
  #passing = 0
  #isOff = false
  #isFirst = true

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
    const isIndex = type === 'moov' || type === 'moof'
    // A box of less than its header, or to the end of the stream.
    if (size < HEADER_BYTES && !(size === 8 && !isIndex)) this.#isOff ||= !isIndex
    if (isIndex && !this.#isOff && size > MOST_HELD)
      throw new MediaError(
        'ERR_UNSUPPORTED',
        `an index of ${size} bytes in a stream: save it to a file first`,
      )
    if (isIndex && !this.#isOff && size >= HEADER_BYTES) {
      this.#wanted = size
      if (size === this.#heldBytes) this.#lookAt()
      return
    }
    if (isIndex && !this.#isOff) throw new MediaError('ERR_DECODE', `damaged: an index of ${size} bytes`)
    if (!this.#isOff && size === 8) {
      // The next header has begun.
      this.push(head.subarray(0, 8))
      this.#held = [head.subarray(8)]
      this.#heldBytes = 8
      return
    }
    this.#pass(head)
    this.#passing = this.#isOff ? 0 : size - head.length
  }

  #lookAt(): void {
    const box = Buffer.concat(this.#held)
    refuseBombs({ size: box.length, isOwn: false, read: (at, length) => box.subarray(at, at + length) })
    this.#pass(box)
  }

  #pass(bytes: Buffer): void {
    this.push(bytes)
    this.#held = []
    this.#heldBytes = 0
    this.#wanted = 0
  }
}
