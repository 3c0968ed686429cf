import { close, closeSync, read, readSync } from 'node:fs'
import { badOption, MediaError, mediaError } from '../base/errors.ts'
import { called, openRegular, openRegularSync } from './regular.ts'
import type { Reader, SyncReader } from './routine.ts'
import { describeSource, fileFault, type MediaSource } from './source.ts'

/** A reader that may hold a file open. */
export interface OpenReader extends Reader {
  /**
   * Closes the file. No read may be running, because another file could get its descriptor. It may
   * be called again.
   */
  close(): Promise<void>
}

/** A synchronous reader that may hold a file open. */
export interface OpenSyncReader extends SyncReader {
  close(): void
}

/** Largest read of one call; the operating system's own limit is 2 GiB less a page. */
const MAX_READ = 1 << 30

/** Closes a forgotten file when its reader is collected. */
const forgotten = new FinalizationRegistry<number>((fd) => close(fd))

/**
 * Opens a path, a `file:` URL or bytes for synchronous reads.
 *
 * @throws MediaError `ERR_READ` or `ERR_BAD_OPTION`
 */
export function openReaderSync(source: MediaSource): OpenSyncReader {
  if (source instanceof Uint8Array) return new MemoryReader(source)
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) {
    return new MemoryReader(new Uint8Array(source))
  }
  if (source instanceof Blob || (source instanceof URL && source.protocol !== 'file:')) {
    throw badOption(
      'source',
      'a path, a file: URL or bytes in the synchronous form',
      describeSource(source),
    )
  }
  return new SyncFileReader(source)
}

/** Reads bytes in memory, as views. */
export class MemoryReader implements OpenReader, OpenSyncReader {
  readonly size: number
  readonly isOwn: boolean
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, isOwn = false) {
    this.size = bytes.byteLength
    this.isOwn = isOwn
    this.bytes = bytes
  }

  read(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length)
  }

  async close(): Promise<void> {}
}

/** Reads ranges of a Blob. */
export class BlobReader implements OpenReader {
  readonly size: number
  readonly isOwn = true
  private readonly blob: Blob

  constructor(blob: Blob) {
    this.size = blob.size
    this.blob = blob
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.blob.slice(offset, offset + length).arrayBuffer())
    } catch (error) {
      throw mediaError('ERR_READ', describeSource(this.blob), error)
    }
  }

  async close(): Promise<void> {}
}

/** Reads ranges of a regular file. */
export class FileReader implements OpenReader {
  readonly size: number
  readonly isOwn = true
  private readonly name: string
  private readonly fd: number
  private closing: Promise<void> | undefined
  private readonly fault = (error: unknown): MediaError => mediaError('ERR_READ', this.name, error)

  static async open(source: string | URL): Promise<FileReader> {
    const { fd, size } = await openRegular(source).catch((error) => {
      throw fileFault(error, source)
    })
    return new FileReader(describeSource(source), fd, size)
  }

  private constructor(name: string, fd: number, size: number) {
    this.name = name
    this.fd = fd
    this.size = size
    forgotten.register(this, fd, this)
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.readInto(offset, allocate(length))
  }

  async readInto(offset: number, bytes: Uint8Array): Promise<Uint8Array> {
    if (this.closing !== undefined) throw closedFault()
    for (let done = 0; done < bytes.byteLength; ) {
      const part = Math.min(bytes.byteLength - done, MAX_READ)
      const count = await called<number>(
        (end) => read(this.fd, bytes, done, part, offset + done, end),
        this.fault,
      )
      if (count === 0) throw this.fault('became shorter while it was read')
      done += count
    }
    return bytes
  }

  close(): Promise<void> {
    forgotten.unregister(this)
    this.closing ??= called<void>((done) => close(this.fd, (error) => done(error)), this.fault)
    return this.closing
  }
}

class SyncFileReader implements OpenSyncReader {
  readonly size: number
  readonly isOwn = true
  private readonly name: string
  private fd: number | undefined

  constructor(source: string | URL) {
    this.name = describeSource(source)
    try {
      const { fd, size } = openRegularSync(source)
      this.fd = fd
      this.size = size
    } catch (error) {
      throw fileFault(error, source)
    }
    forgotten.register(this, this.fd, this)
  }

  read(offset: number, length: number): Uint8Array {
    return this.readInto(offset, allocate(length))
  }

  readInto(offset: number, bytes: Uint8Array): Uint8Array {
    const fd = this.fd
    if (fd === undefined) throw closedFault()
    for (let done = 0; done < bytes.byteLength; ) {
      const part = Math.min(bytes.byteLength - done, MAX_READ)
      const count = this.call(() => readSync(fd, bytes, done, part, offset + done))
      if (count === 0) throw mediaError('ERR_READ', this.name, 'became shorter while it was read')
      done += count
    }
    return bytes
  }

  close(): void {
    const fd = this.fd
    if (fd === undefined) return
    this.fd = undefined
    forgotten.unregister(this)
    this.call(() => closeSync(fd))
  }

  private call<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw mediaError('ERR_READ', this.name, error)
    }
  }
}

/**
 * Allocates separate memory that can be transferred, aligned for every dtype, and not filled with
 * zeros.
 */
function allocate(length: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(length)
  } catch (error) {
    throw new MediaError('ERR_UNSUPPORTED', `no memory for ${length} bytes at once`, {
      cause: error,
    })
  }
}

function closedFault(): MediaError {
  return new MediaError('ERR_BAD_STATE', 'the file is closed')
}
