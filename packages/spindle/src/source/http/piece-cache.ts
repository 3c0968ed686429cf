import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { epochMs } from '../../timers.ts'

/** Bytes of the checksum behind each piece. */
const CHECK_BYTES = 4
/** Part of the limit that may be written before the folder is looked at again. */
const SWEEP_PART = 16

/** What a cache knows of a file on a server. */
export interface CachedVersion {
  readonly etag: string
  /** Size of the file in bytes. */
  readonly total: number
}

/**
 * Pieces of files on servers, in a folder of bounded size. Several processes may share it: pieces
 * appear whole, have a checksum, and are removed by the time of their last use. What the disk
 * refuses is not cached.
 */
export class PieceCache {
  readonly #folder: string
  readonly #maxBytes: number
  /** Bytes since the folder was looked at. At first its size is not known. */
  #written = Number.POSITIVE_INFINITY
  #sweeping: Promise<void> | undefined

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder
    this.#maxBytes = maxBytes
  }

  /** The version of a file whose pieces were written last. */
  async version(file: string): Promise<CachedVersion | undefined> {
    try {
      const { etag, total } = JSON.parse(String(await readFile(this.#path(file)))) as CachedVersion
      return typeof etag === 'string' && Number.isSafeInteger(total) ? { etag, total } : undefined
    } catch {
      return undefined
    }
  }

  async setVersion(file: string, version: CachedVersion): Promise<void> {
    await this.#write(this.#path(file), [Buffer.from(JSON.stringify(version))])
  }

  /** A piece; `undefined` if it is not there, or damaged. */
  async get(file: string, { etag }: CachedVersion, piece: number): Promise<Buffer | undefined> {
    const path = this.#path(`${file}\n${etag}\n${piece}`)
    const stored = await readFile(path).catch(() => undefined)
    if (stored === undefined || stored.length < CHECK_BYTES) return undefined
    const bytes = stored.subarray(0, -CHECK_BYTES)
    if (crc32(bytes) !== stored.readUInt32LE(bytes.length)) return undefined
    const now = epochMs() / 1000
    // The time of the last use.
    await utimes(path, now, now).catch(() => {})
    return bytes
  }

  async set(file: string, { etag }: CachedVersion, piece: number, bytes: Buffer): Promise<void> {
    const check = Buffer.alloc(CHECK_BYTES)
    check.writeUInt32LE(crc32(bytes))
    await this.#write(this.#path(`${file}\n${etag}\n${piece}`), [bytes, check])
  }

  #path(name: string): string {
    const hash = createHash('sha256').update(name).digest('hex')
    return join(this.#folder, hash.slice(0, 2), hash.slice(2))
  }

  async #write(path: string, parts: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(parts)
    if (bytes.length > this.#maxBytes / 2) return
    this.#written += bytes.length
    if (this.#written > this.#maxBytes / SWEEP_PART) {
      this.#sweeping ??= this.#sweep(bytes.length).finally(() => {
        this.#sweeping = undefined
      })
      await this.#sweeping
    }
    const beside = `${path}.${randomBytes(4).toString('hex')}.tmp`
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(beside, bytes)
      await rename(beside, path)
    } catch {
      await rm(beside, { force: true }).catch(() => {})
    }
  }

  /** Removes what was not used for longest, until there is room for what is written next. */
  async #sweep(bytes: number): Promise<void> {
    this.#written = bytes
    const files: { readonly path: string; readonly size: number; readonly usedMs: number }[] = []
    for (const folder of await readdir(this.#folder).catch(() => []))
      for (const name of await readdir(join(this.#folder, folder)).catch(() => [])) {
        const path = join(this.#folder, folder, name)
        const stats = await stat(path).catch(() => undefined)
        if (stats?.isFile() === true) files.push({ path, size: stats.size, usedMs: stats.mtimeMs })
      }
    let size = files.reduce((sum, file) => sum + file.size, 0)
    const room = this.#maxBytes - this.#maxBytes / SWEEP_PART - bytes
    for (const file of files.sort((a, b) => a.usedMs - b.usedMs)) {
      if (size <= room) return
      await rm(file.path, { force: true }).catch(() => {})
      size -= file.size
    }
  }
}
