import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { badOption } from '../../check.ts'
import { messageOf, SpindleError } from '../../errors.ts'
import { plain } from '../../plain-text.ts'
import { REGULAR_FLAGS } from '../files/regular-file.ts'
import {
  checkObjectName,
  checkPrefix,
  checkRange,
  existsError,
  notFoundError,
} from './check-object.ts'
import { createObject, isCreated } from './create-object.ts'
import type {
  ObjectInfo,
  ObjectPlace,
  ObjectStore,
  ObjectWriter,
  StoreCallOptions,
  StoreReadOptions,
  StoreWriteOptions,
} from './object-store.ts'

/** Name of a file that is being written. `list` does not show such files. */
const UNFINISHED = /^\.spindle-[0-9a-f]{16}\.tmp$/

/**
 * A folder as a store. An object is written under a temporary name beside its own, synced, and then
 * renamed, so a crash or a power cut leaves the old object or the new one.
 */
export class LocalStore implements ObjectStore {
  readonly url: string
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    this.url = plain(folder)
  }

  place(name: string): ObjectPlace {
    return { path: this.#path(name) }
  }

  async head(name: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    options.signal?.throwIfAborted()
    const path = this.#path(name)
    try {
      const stats = await stat(path, { bigint: true })
      return stats.isFile() ? infoOf(name, stats) : undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw this.#readFault(name, error)
    }
  }

  async read(name: string, options: StoreReadOptions = {}): Promise<Buffer> {
    const { signal, range } = options
    signal?.throwIfAborted()
    return await this.#opened(name, async (file, size) => {
      const [start, end] = checkRange(range, size)
      const bytes = Buffer.allocUnsafeSlow(end - start)
      for (let at = 0; at < bytes.length; ) {
        signal?.throwIfAborted()
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at)
        if (bytesRead === 0) throw new Error('it became shorter while it was being read')
        at += bytesRead
      }
      return bytes
    })
  }

  async *stream(
    name: string,
    options: StoreReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    const { signal, range } = options
    signal?.throwIfAborted()
    // Opened once, so that the bytes are of one file also if another takes its name.
    const file = await this.#openFile(name)
    try {
      const [start, end] = checkRange(range, (await file.stat()).size)
      if (start === end) return
      const stream = file.createReadStream({
        start,
        end: end - 1,
        highWaterMark: 1 << 16,
        autoClose: false,
      })
      for await (const piece of stream) {
        signal?.throwIfAborted()
        yield piece as Buffer
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#readFault(name, error)
    } finally {
      await file.close()
    }
  }

  async *list(prefix = '', options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, void> {
    checkPrefix(prefix)
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    yield* this.#walk(folder, prefix, options.signal)
  }

  async *#walk(
    folder: string,
    prefix: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ObjectInfo, void, void> {
    signal?.throwIfAborted()
    const entries = await readdir(join(this.#folder, folder), { withFileTypes: true }).catch(
      (error) => {
        if (isMissing(error) || codeOf(error) === 'ENOTDIR') return []
        throw this.#readFault(folder, error)
      },
    )
    // A folder sorts as its objects do, whose names begin with the folder's name and "/".
    const names = entries
      .filter((entry) => !UNFINISHED.test(entry.name))
      .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
      .sort((a, b) => (a < b ? -1 : 1))
    for (const name of names) {
      if (name.endsWith('/')) {
        if (name.startsWith(prefix) || prefix.startsWith(name))
          yield* this.#walk(name, prefix, signal)
      } else if (name.startsWith(prefix)) {
        const info = await this.head(name)
        if (info !== undefined) yield info
      }
    }
  }

  async create(
    name: string,
    bytes: Uint8Array | string,
    options: StoreWriteOptions = {},
  ): Promise<ObjectInfo> {
    return await createObject(this.writer(name, options), bytes)
  }

  async createIfAbsent(
    name: string,
    bytes: Uint8Array | string,
    options: StoreCallOptions = {},
  ): Promise<boolean> {
    return await isCreated(this.create(name, bytes, { ...options, ifAbsent: true }))
  }

  writer(name: string, options: StoreWriteOptions = {}): ObjectWriter {
    return new LocalWriter(this, this.#path(name), name, options)
  }

  async delete(name: string, options: StoreCallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const path = this.#path(name)
    try {
      await rm(path, { force: true })
    } catch (error) {
      throw this.writeFault(name, error)
    }
  }

  /** Removes the files under `prefix` that ended writers left unfinished. */
  async discardUnfinished(prefix: string): Promise<void> {
    const folder = join(this.#folder, prefix.slice(0, prefix.lastIndexOf('/') + 1))
    const names = await readdir(folder).catch(() => [])
    for (const name of names)
      if (UNFINISHED.test(name)) await rm(join(folder, name), { force: true })
  }

  /** The error for a write that the file system refused. */
  writeFault(name: string, error: unknown): unknown {
    if (error instanceof SpindleError) return error
    const hint = ['ENOSPC', 'EDQUOT'].includes(codeOf(error) as string)
      ? '; nothing of it is there: make room, and write it again'
      : ''
    return new SpindleError(
      'ERR_WRITE',
      `${this.url}: "${plain(name)}": ${messageOf(error)}${hint}`,
      { cause: error },
    )
  }

  #path(name: string): string {
    checkObjectName(name)
    if (process.platform === 'win32' && /[\\:]/.test(name))
      badOption('name', 'without "\\" and ":"', name)
    return join(this.#folder, name)
  }

  async #opened<T>(name: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
    const file = await this.#openFile(name)
    try {
      return await use(file, (await file.stat()).size)
    } catch (error) {
      throw this.#readFault(name, error)
    } finally {
      await file.close()
    }
  }

  async #openFile(name: string): Promise<FileHandle> {
    const path = this.#path(name)
    let file: FileHandle | undefined
    try {
      file = await open(path, REGULAR_FLAGS)
      if ((await file.stat()).isFile()) return file
      throw new Error('it is no file')
    } catch (error) {
      await file?.close()
      if (isMissing(error)) throw notFoundError(this.url, name, error)
      throw this.#readFault(name, error)
    }
  }

  #readFault(name: string, error: unknown): unknown {
    if (error instanceof SpindleError || (error as Error)?.name === 'AbortError') return error
    return new SpindleError('ERR_READ', `${this.url}: "${plain(name)}": ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Writes a file under a temporary name, and gives it its own when it is complete. */
class LocalWriter implements ObjectWriter {
  readonly #store: LocalStore
  readonly #path: string
  readonly #temp: string
  readonly #name: string
  readonly #isExclusive: boolean
  readonly #signal: AbortSignal | undefined
  #file: Promise<FileHandle> | undefined
  #isEnded = false

  constructor(store: LocalStore, path: string, name: string, options: StoreWriteOptions) {
    this.#store = store
    this.#path = path
    this.#name = name
    this.#temp = join(dirname(path), `.spindle-${randomBytes(8).toString('hex')}.tmp`)
    this.#isExclusive = options.ifAbsent === true
    this.#signal = options.signal
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted()
    try {
      const file = await this.#opened()
      for (let rest = bytes; rest.byteLength > 0; ) {
        const { bytesWritten } = await file.write(rest)
        rest = rest.subarray(bytesWritten)
      }
    } catch (error) {
      throw this.#store.writeFault(this.#name, error)
    }
  }

  async close(): Promise<ObjectInfo> {
    try {
      this.#signal?.throwIfAborted()
      const file = await this.#opened()
      const stats = await this.#complete(file)
      if (this.#isExclusive) await this.#link()
      else await rename(this.#temp, this.#path)
      await syncFolder(dirname(this.#path))
      return infoOf(this.#name, stats)
    } catch (error) {
      await this.abort()
      await rm(this.#temp, { force: true }).catch(() => {})
      throw this.#store.writeFault(this.#name, error)
    }
  }

  /** Brings the file to the disk and closes it, also if the disk refuses. */
  async #complete(file: FileHandle): Promise<BigIntStats> {
    try {
      await file.datasync()
      return await file.stat({ bigint: true })
    } finally {
      this.#isEnded = true
      await file.close()
    }
  }

  async abort(): Promise<void> {
    if (this.#isEnded || this.#file === undefined) return
    this.#isEnded = true
    const file = await this.#file.catch(() => undefined)
    await file?.close().catch(() => {})
    await rm(this.#temp, { force: true }).catch(() => {})
  }

  /**
   * A link to an existing name fails for every process, so only one of several writers succeeds.
   */
  async #link(): Promise<void> {
    try {
      await link(this.#temp, this.#path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw existsError(this.#store.url, this.#name)
      throw error
    } finally {
      await rm(this.#temp, { force: true })
    }
  }

  #opened(): Promise<FileHandle> {
    this.#file ??= makeFolder(dirname(this.#path)).then(() => open(this.#temp, 'wx'))
    return this.#file
  }
}

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  const top = dirname(first)
  for (let above = dirname(path); ; above = dirname(above)) {
    await syncFolder(above)
    if (above === top || above === dirname(above)) return
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no such call and keeps names in a journal of its own.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function infoOf(name: string, stats: BigIntStats): ObjectInfo {
  return {
    name,
    size: Number(stats.size),
    version: `${stats.size}-${stats.mtimeNs}-${stats.ino}`,
    modifiedMs: Number(stats.mtimeMs),
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}
