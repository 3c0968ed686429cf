import type { FileHandle } from 'node:fs/promises'
import { SpindleError } from '../../errors.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { openRegular } from '../files/regular-file.ts'
import { readAhead } from '../http/read-ahead.ts'
import { RemoteFile } from '../http/remote-file.ts'
import { decompressed } from '../records/decompressed.ts'
import { type FindObjectsOptions, locateObject } from '../store/find-objects.ts'
import type { ObjectPlace, ObjectStore } from '../store/object-store.ts'
import { compressionOf } from './compressed.ts'

/** Bytes per read where a file is read from its beginning. */
const PIECE_BYTES = 1 << 20
/** Bytes that tell the compression. */
const HEAD_BYTES = 8
/** Most bytes that are read ahead of a server. */
const READ_AHEAD_BYTES = 32 * 2 ** 20

/** The bytes of a manifest at any position, all of one state of the file. */
export interface ManifestReader {
  /** Exactly `length` bytes. @throws `ERR_BAD_SOURCE` if the file has changed */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** A file of records, wherever it lies. Bytes are those of the decompressed file. */
export interface ManifestBytes {
  /** The file in messages. */
  readonly name: string
  /** The first bytes of the file as it is stored, which tell its compression. */
  head(): Promise<Uint8Array>
  /** All bytes in order, for the index. */
  pieces(): AsyncGenerator<Uint8Array, void, void>
  /** Opens it for reads by position. @throws `ERR_BAD_SOURCE` if the file has changed */
  open(): Promise<ManifestReader>
}

/**
 * Finds a file of records, and notes its state.
 *
 * @throws errors of `fs.open`; `ERR_BAD_SOURCE` for a compression that is not read; errors of the
 *   store
 */
export async function manifestBytes(
  place: string | URL,
  options: FindObjectsOptions,
): Promise<ManifestBytes> {
  const where = placeOf(place, options)
  const raw =
    'path' in where ? await localBytes(where.path) : await remoteBytes(where, options.signal)
  return compressionOf(await raw.head()) === undefined ? raw : inflatedBytes(raw)
}

function placeOf(place: string | URL, options: FindObjectsOptions): ObjectPlace {
  const isOpen = typeof (options.store as Partial<ObjectStore> | undefined)?.place === 'function'
  // A path is kept as it was given: also with what a store refuses in names.
  if (typeof place === 'string' && !isOpen && !/^[a-z][a-z0-9+.-]+:\/\//i.test(place))
    return { path: place }
  const { store, name } = locateObject(place, options)
  return store.place(name)
}

async function localBytes(path: string): Promise<ManifestBytes> {
  const first = await openRegular(path)
  const head = Buffer.alloc(HEAD_BYTES)
  const { size, mtimeMs } = await first.stat()
  const { bytesRead } = await first.read(head, 0, HEAD_BYTES, 0).finally(() => first.close())
  return {
    name: path,
    head: async () => head.subarray(0, bytesRead),
    async *pieces() {
      const file = await openRegular(path)
      try {
        for (let at = 0; ; ) {
          // Each piece is used before the next is read, so a large file blocks the event loop for
          // one piece at a time.
          const piece = Buffer.allocUnsafe(PIECE_BYTES)
          const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, at)
          if (bytesRead === 0) return
          at += bytesRead
          yield piece.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    },
    async open() {
      const file = await openRegular(path)
      const stats = await file.stat()
      if (stats.size !== size || stats.mtimeMs !== mtimeMs) {
        await file.close()
        throw changed(path)
      }
      return {
        read: (offset, length) => readAll(file, path, offset, length),
        close: () => file.close(),
      }
    },
  }
}

async function readAll(
  file: FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length)
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) throw changed(path)
    filled += bytesRead
  }
  return bytes
}

/** A file on a server: opened once, so that all reads are of one version. */
async function remoteBytes(
  { url, headers, fetch }: Extract<ObjectPlace, { readonly url: URL }>,
  signal: AbortSignal | undefined,
): Promise<ManifestBytes> {
  const call = signal === undefined ? {} : { signal }
  const file = await RemoteFile.open(url, { headers, fetch, ...call })
  return {
    name: urlForMessages(url),
    head: () => file.read(0, Math.min(HEAD_BYTES, file.size), signal),
    pieces: () => readAhead(file, [0, file.size], READ_AHEAD_BYTES, signal),
    open: async () => ({
      read: (offset, length) => file.read(offset, offset + length, signal),
      close: async () => {},
    }),
  }
}

/** A compressed file: it is read forwards, and from its beginning to go back. */
function inflatedBytes(raw: ManifestBytes): ManifestBytes {
  const pieces = (): AsyncGenerator<Uint8Array, void, void> => decompressed(raw.pieces(), raw.name)
  return {
    name: raw.name,
    head: raw.head,
    pieces,
    async open() {
      // Checks that the file is the same.
      await (await raw.open()).close()
      return new ForwardReader(raw.name, pieces)
    },
  }
}

class ForwardReader implements ManifestReader {
  readonly #name: string
  readonly #begin: () => AsyncGenerator<Uint8Array, void, void>
  #stream: AsyncGenerator<Uint8Array, void, void> | undefined
  /** The piece that was read last, and its position. */
  #piece: Uint8Array = new Uint8Array(0)
  #start = 0

  constructor(name: string, begin: () => AsyncGenerator<Uint8Array, void, void>) {
    this.#name = name
    this.#begin = begin
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#stream === undefined || offset < this.#start) await this.#restart()
    const bytes = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length; ) {
      const at = offset + filled - this.#start
      if (at < this.#piece.byteLength) {
        const part = this.#piece.subarray(at, at + length - filled)
        bytes.set(part, filled)
        filled += part.byteLength
        continue
      }
      this.#start += this.#piece.byteLength
      const step = await this.#stream?.next()
      if (step?.done !== false) throw changed(this.#name)
      this.#piece = step.value
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#stream?.return()
    this.#stream = undefined
  }

  async #restart(): Promise<void> {
    await this.close()
    this.#stream = this.#begin()
    this.#piece = new Uint8Array(0)
    this.#start = 0
  }
}

/** The error for a file that is not what it was. */
export function changed(name: string): SpindleError {
  return new SpindleError('ERR_BAD_SOURCE', `${name} has changed since it was opened`)
}
