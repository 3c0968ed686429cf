import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption } from '../check.ts'
import type { PipelineState } from '../engine/resume-state.ts'
import type { Sink, SinkOpenOptions, SinkProgress, SinkWriter } from '../engine/sink.ts'
import { messageOf, SpindleError } from '../errors.ts'
import { options as declare, integer, type Rules } from '../options/index.ts'
import { plain } from '../plain-text.ts'
import { LocalStore } from '../source/store/local-store.ts'
import { CommitLog } from './commit-log.ts'
import { lockWriter } from './file-lock.ts'
import { GatheredOutput } from './gathered-output.ts'
import type { ShardOutput } from './shard-format.ts'

/** A format of one file that grows: a header of fixed length, and records behind it. */
export interface FileFormat<T> {
  /** Name of the format: `npy`. */
  readonly kind: string
  /** Begins a file, or continues one. */
  encoder(): FileEncoder<T>
}

/** Writes items into one file. */
export interface FileEncoder<T> {
  /**
   * Pushes the bytes of an item.
   *
   * @returns the number of records that the item holds
   * @throws if the item cannot be written; nothing of it was pushed then
   */
  add(item: T, output: ShardOutput): number
  /** The header of a file with a number of records: always of the same length. */
  header(records: number): Uint8Array
  /**
   * Reads the header of a file that an earlier run has begun, from its first bytes.
   *
   * @returns the length of the header
   */
  resume(head: Uint8Array): number
}

/** Options of {@link fileSink}. */
export interface FileSinkOptions {
  /** A commit is made when this many bytes were written since the last one. Default 64 000 000. */
  readonly commitBytes?: number
}

/** What `writeTo` returns for one file. */
export interface WrittenFile {
  readonly path: string
  /** Number of records in the file. */
  readonly count: number
  /** Size of the records in bytes, without the header. */
  readonly bytes: number
}

const fileOptions = declare('FileSinkOptions', {
  commitBytes: integer({ min: 1, orInfinity: true, default: 64_000_000 }),
} satisfies Rules<FileSinkOptions>)

/** Longest header that is read of a file that is continued. */
const MOST_HEADER = 1 << 16

/**
 * Makes a sink that appends to one file of this machine, for formats of your own. Rows and the
 * state of the pipeline are committed together: a run that is resumed cuts off what no commit
 * covers, and continues there. The commits are in a folder beside the file, `<path>.spindle`.
 *
 * One process at a time writes the file. A second one on the same machine is refused; on a file
 * system that machines share, you see to it.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function fileSink<T>(
  path: string | URL,
  format: FileFormat<T>,
  options: FileSinkOptions = {},
): Sink<T, WrittenFile> {
  const { commitBytes } = fileOptions.check(options)
  const isPath =
    typeof path === 'string'
      ? path !== '' && !/^[a-z][a-z0-9+.-]+:\/\//i.test(path)
      : path instanceof URL && path.protocol === 'file:'
  if (!isPath) badOption('path', 'a path or a file: URL: objects of a bucket do not grow', path)
  const file = typeof path === 'string' ? path : fileURLToPath(path)
  return { open: (opening) => FileWriter.open(file, format, commitBytes, opening) }
}

/** What is written for one commit, at its own place in the file. */
class Segment {
  readonly output: GatheredOutput
  records = 0

  constructor(writeAt: (bytes: Uint8Array, position: number) => Promise<void>, start: number) {
    let position = start
    const write = async (bytes: Uint8Array): Promise<void> => {
      const at = position
      position += bytes.byteLength
      await writeAt(bytes, at)
    }
    this.output = new GatheredOutput(
      { write } as ConstructorParameters<typeof GatheredOutput>[0],
      false,
    )
  }
}

class FileWriter<T> implements SinkWriter<T, WrittenFile> {
  readonly #path: string
  readonly #file: FileHandle
  readonly #log: CommitLog
  readonly #encoder: FileEncoder<T>
  readonly #commitBytes: number
  readonly #unlock: () => Promise<void>
  readonly #signal: AbortSignal | undefined
  #headerBytes: number | undefined
  #segment: Segment | undefined
  /** Records and bytes of the segments so far, without the current one. */
  #records: number
  #bytes: number
  #tail: Promise<void> = Promise.resolve()
  #isClosed = false
  isDue = false

  private constructor(
    path: string,
    file: FileHandle,
    log: CommitLog,
    encoder: FileEncoder<T>,
    commitBytes: number,
    unlock: () => Promise<void>,
    signal: AbortSignal | undefined,
  ) {
    this.#path = path
    this.#file = file
    this.#log = log
    this.#encoder = encoder
    this.#commitBytes = commitBytes
    this.#unlock = unlock
    this.#signal = signal
    this.#records = log.recordCount
    this.#bytes = log.byteCount
  }

  static async open<T>(
    path: string,
    format: FileFormat<T>,
    commitBytes: number,
    { resume, signal }: SinkOpenOptions,
  ): Promise<FileWriter<T>> {
    const place = new LocalStore(`${path}.spindle`)
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (isThere && (await place.head('_spindle/start.json')) === undefined)
      throw new SpindleError(
        'ERR_EXISTS',
        `${plain(path)} exists, and no run of Spindle has committed it: choose another path`,
      )
    const unlock = await lockWriter(place, path)
    let file: FileHandle | undefined
    try {
      const log = await CommitLog.open(place, format.kind, resume, 'none')
      if (resume && log.result === undefined && log.recordCount > 0 && log.state === undefined)
        throw new SpindleError(
          'ERR_NOT_RESUMABLE',
          `${plain(path)} is of a run without states, so what it has done is not known: choose another path, and pass \`resume: true\` from the first run on`,
        )
      file = await open(path, isThere ? 'r+' : 'w+')
      const encoder = format.encoder()
      const writer = new FileWriter(path, file, log, encoder, commitBytes, unlock, signal)
      if (log.result === undefined) await writer.#cut()
      return writer
    } catch (error) {
      await file?.close()
      await unlock()
      throw error
    }
  }

  /** Cuts off what no commit covers. */
  async #cut(): Promise<void> {
    if (this.#records === 0) return await this.#file.truncate(0)
    const head = Buffer.alloc(MOST_HEADER)
    const { bytesRead } = await this.#file.read(head, 0, MOST_HEADER, 0)
    this.#headerBytes = this.#encoder.resume(head.subarray(0, bytesRead))
    const end = this.#headerBytes + this.#bytes
    const { size } = await this.#file.stat()
    if (size < end)
      throw new SpindleError(
        'ERR_BAD_CHECKPOINT',
        `${plain(this.#path)} has ${size} bytes, and the commits beside it cover ${end}: it was changed since`,
      )
    await this.#file.truncate(end)
  }

  get state(): PipelineState | undefined {
    return this.#log.state
  }

  get result(): WrittenFile | undefined {
    const { result } = this.#log
    return result && { path: this.#path, count: result.count, bytes: result.bytes }
  }

  get progress(): SinkProgress {
    const { records = 0, output } = this.#segment ?? {}
    return {
      shards: Math.min(1, this.#log.shardCount),
      records: this.#records + records,
      bytes: this.#bytes + (output?.size ?? 0),
    }
  }

  write(item: T): Promise<void> | undefined {
    this.#signal?.throwIfAborted()
    const segment = this.#segment ?? this.#begin()
    segment.records += this.#encoder.add(item, segment.output)
    this.#headerBytes ??= this.#encoder.header(0).byteLength
    this.isDue = segment.output.size >= this.#commitBytes
    return segment.output.isFull ? segment.output.flush() : undefined
  }

  #begin(): Segment {
    this.#segment = new Segment(
      (bytes, position) => this.#write(bytes, (this.#headerBytes as number) + position),
      this.#bytes,
    )
    return this.#segment
  }

  commit(state: PipelineState | undefined): Promise<void> {
    return this.#commit(state, false)
  }

  async complete(state: PipelineState | undefined): Promise<WrittenFile> {
    await this.#commit(state, true)
    const result = this.result as WrittenFile
    await this.#close()
    return result
  }

  #commit(state: PipelineState | undefined, isComplete: boolean): Promise<void> {
    const segment = this.#segment
    this.#segment = undefined
    this.isDue = false
    this.#records += segment?.records ?? 0
    this.#bytes += segment?.output.size ?? 0
    const records = this.#records
    this.#tail = this.#tail.then(async () => {
      if (segment !== undefined) {
        await segment.output.flush()
        // Readers see a whole file after each commit.
        await this.#write(this.#encoder.header(records), 0)
        await this.#sync()
      }
      const name = basename(this.#path)
      const part = segment && { name, count: segment.records, bytes: segment.output.size }
      await this.#log.commit(part === undefined ? [] : [part], state, isComplete)
    })
    return this.#tail
  }

  async abort(): Promise<void> {
    await this.#tail.catch(() => {})
    await this.#close()
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
    // Nothing was written: the file was made by opening it.
    if (this.#headerBytes === undefined && this.#log.recordCount === 0)
      await rm(this.#path, { force: true })
    await this.#unlock()
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength; ) {
        const left = bytes.byteLength - done
        const { bytesWritten } = await this.#file.write(bytes, done, left, position + done)
        done += bytesWritten
      }
    } catch (error) {
      throw this.#fault(error)
    }
  }

  async #sync(): Promise<void> {
    await this.#file.datasync().catch((error) => {
      throw this.#fault(error)
    })
  }

  #fault(error: unknown): SpindleError {
    return new SpindleError('ERR_WRITE', `${plain(this.#path)}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
