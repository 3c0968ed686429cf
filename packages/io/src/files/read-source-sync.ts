import { closeSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MediaError } from '../base/errors.ts'
import { openRegularSync, refuseHuge } from './regular.ts'
import { bufferOf, codeOf, explain, type SyncSource } from './source.ts'

const FIRST_ROOM = 1 << 18
const ROOM_KEPT = 16 << 20

/**
 * Reads whole files one after the other into memory that is used again: 4 us for a small file in
 * the page cache, half of what `readFileSync` takes. In a worker thread the synchronous calls are
 * the fastest.
 */
class FileReader {
  #room = Buffer.allocUnsafeSlow(FIRST_ROOM)

  /**
   * The bytes of a file, valid until the next call. @throws NotReadable for what is no regular
   * file, or too large; what `node:fs` throws
   */
  read(path: string): Buffer {
    if (this.#room.length > ROOM_KEPT) this.#room = Buffer.allocUnsafeSlow(FIRST_ROOM)
    const { fd: file, size } = openRegularSync(path)
    try {
      refuseHuge(size)
      let length = 0
      for (;;) {
        const got = readSync(file, this.#room, length, this.#room.length - length, null)
        length += got
        if (got === 0) return this.#room.subarray(0, length)
        if (length === this.#room.length) this.#grow()
      }
    } finally {
      closeSync(file)
    }
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.#room.length * 2)
    this.#room.copy(larger)
    this.#room = larger
  }
}

const files = new FileReader()

/**
 * The bytes of a source, valid until the next call. Memory that is not shared is not copied.
 *
 * @throws MediaError `ERR_READ`, without the name of the source
 */
export function readSourceSync(source: SyncSource): Buffer {
  if (source instanceof Uint8Array)
    return bufferOf(source.buffer, source.byteOffset, source.byteLength)
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) {
    return bufferOf(source, 0, source.byteLength)
  }
  try {
    return files.read(typeof source === 'string' ? source : fileURLToPath(source))
  } catch (error) {
    const cause = explain(error, source)
    throw new MediaError(codeOf(cause), (cause as Error).message, { cause })
  }
}
