import { closeSync, fstatSync, readSync, writeSync } from 'node:fs'
import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { integer, options, type Rules } from '../../options/index.ts'
import { openUnnamedFile } from './unnamed-file.ts'

// Memory between processes. Node has no mmap, and IPC copies bytes several times. A file in memory
// that is written and read by single calls is the fastest portable way (150 KB: a third of the time
// of IPC with advanced serialisation).

/** Options of `SharedFile.create()`. */
export interface SharedFileOptions {
  /**
   * Size of a slot in bytes, an integer >= 1. Larger data takes several neighbouring slots. Default
   * 262144 (256 KiB).
   */
  readonly slotBytes?: number
  /**
   * Number of slots, an integer >= 1. A slot takes memory only when it is first used. Default 256.
   */
  readonly count?: number
}

const slotsOptions = options('SharedFileOptions', {
  slotBytes: integer({ min: 1, default: 256 * 1024 }),
  count: integer({ min: 1, default: 256, unit: 'slots' }),
} satisfies Rules<SharedFileOptions>)

/** What another process needs to use the slots: plain data that JSON can hold. */
export interface SharedFileHandle {
  /** Number of the file descriptor in that process. */
  readonly fd: number
  readonly slotBytes: number
  readonly count: number
}

/**
 * The position of some bytes: plain data that is sent to the reader, and back after it has read
 * them.
 */
export interface SlotTicket {
  readonly slot: number
  readonly byteLength: number
  /** Counts the uses of the slot, so that a ticket that was already given back is recognised. */
  readonly generation: number
}

/**
 * Passes bytes from one process to another through slots of a file in memory. The file has no name,
 * so nothing of it is left when both processes have ended, however they ended. One side writes and
 * the other reads; the opposite direction needs its own slots.
 *
 * The other process is a child that inherits the descriptor. Tickets are sent by IPC:
 *
 *     const slots = SharedFile.create()
 *     const child = fork(entry, { stdio: ['inherit', 'inherit', 'inherit', 'ipc', slots.fd] })   // 4 in the child
 *     child.send(slots.handleFor(4))
 *     const ticket = slots.write(bytes)                    // undefined: no room just now; send the bytes themselves
 *     child.send(ticket ?? bytes)
 *     child.on('message', (read) => slots.free(read))
 *     // in the child: const slots = SharedFile.attach(handle); slots.read(ticket); process.send(ticket)
 *
 * When the reader has died, close the slots, because its tickets never come back.
 */
export class SharedFile implements Disposable {
  /** The file's descriptor, for the `stdio` of a child. */
  readonly fd: number
  readonly slotBytes: number
  readonly count: number
  readonly #generations: Uint32Array
  /** For the first slot of each run, the number of slots in it; else 0. */
  readonly #runs: Uint32Array
  readonly #isTaken: Uint8Array
  #taken = 0
  #isClosed = false

  private constructor({ fd, slotBytes, count }: SharedFileHandle) {
    this.fd = fd
    this.slotBytes = slotBytes
    this.count = count
    this.#generations = new Uint32Array(count)
    this.#runs = new Uint32Array(count)
    this.#isTaken = new Uint8Array(count)
  }

  /**
   * Makes slots in a new file.
   *
   * @throws `ERR_BAD_OPTION`; errors of the file system if no file can be opened.
   */
  static create(options: SharedFileOptions = {}): SharedFile {
    const { slotBytes, count } = slotsOptions.check(options)
    return new SharedFile({ fd: openUnnamedFile(slotBytes * count), slotBytes, count })
  }

  /**
   * Uses the slots of a file that this process has inherited.
   *
   * @throws `ERR_BAD_STATE` if there is no such file.
   */
  static attach(handle: SharedFileHandle): SharedFile {
    try {
      fstatSync(handle.fd)
    } catch (cause) {
      throw new SpindleError('ERR_BAD_STATE', `no file descriptor ${handle.fd} was inherited`, {
        cause,
      })
    }
    return new SharedFile(handle)
  }

  /** The handle for a child that inherits the descriptor as number `fd`, its index in `stdio`. */
  handleFor(fd: number): SharedFileHandle {
    return { fd, slotBytes: this.slotBytes, count: this.count }
  }

  /** Number of slots in use, as the writing side knows. */
  get taken(): number {
    return this.#taken
  }

  /**
   * Writes bytes into free slots. The bytes may be changed afterwards. The ticket is for the
   * reader.
   *
   * @returns `undefined` if there is no room for them now, or ever if they are larger than all
   *   slots; also if the system has no memory left.
   */
  write(bytes: Uint8Array): SlotTicket | undefined {
    this.#check()
    const slots = Math.max(1, Math.ceil(bytes.byteLength / this.slotBytes))
    const slot = this.#findRun(slots)
    if (slot === undefined || !this.#fill(bytes, slot * this.slotBytes)) return undefined
    this.#isTaken.fill(1, slot, slot + slots)
    this.#runs[slot] = slots
    this.#taken += slots
    return { slot, byteLength: bytes.byteLength, generation: this.#generations[slot] as number }
  }

  /**
   * Reads the bytes of a ticket: into the beginning of `into`, else into new memory. Reused memory
   * is faster: in new memory each 4 KiB cause a page fault, which together cost several times as
   * much as the copying.
   *
   * @throws `ERR_BAD_STATE` if the file ends before, that is, if the ticket is not one of these
   *   slots; `ERR_BAD_OPTION` if `into` is too small.
   */
  read(ticket: SlotTicket, into?: Uint8Array): Uint8Array {
    this.#check()
    const { slot, byteLength } = ticket
    if (into !== undefined && into.byteLength < byteLength)
      badOption('into', `an array of at least ${byteLength} bytes`, into)
    // Not zeroed, because all of it is written; never a part of Node's own pool.
    const bytes =
      into?.subarray(0, byteLength) ?? new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer)
    for (let done = 0; done < byteLength; ) {
      const count = readSync(this.fd, bytes, done, byteLength - done, slot * this.slotBytes + done)
      if (count === 0)
        throw new SpindleError('ERR_BAD_STATE', `slot ${slot} does not hold ${byteLength} bytes`)
      done += count
    }
    return bytes
  }

  /**
   * Frees the slots of a ticket that the reader has read.
   *
   * @throws `ERR_STALE_VIEW` if they were freed before.
   */
  free(ticket: SlotTicket): void {
    const { slot, generation } = ticket
    const run = this.#runs[slot] ?? 0
    if (run === 0 || this.#generations[slot] !== generation)
      throw new SpindleError(
        'ERR_STALE_VIEW',
        `slot ${slot}, use ${generation}, was given back before`,
      )
    this.#runs[slot] = 0
    this.#generations[slot]!++
    this.#isTaken.fill(0, slot, slot + run)
    this.#taken -= run
  }

  /**
   * Closes the descriptor. The memory is freed when the other process has closed its own or has
   * ended. Can be called repeatedly.
   */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * The first run of free slots. Low slots are reused first, because their memory exists and is in
   * the caches.
   */
  #findRun(slots: number): number | undefined {
    let free = 0
    for (let slot = 0; slot < this.count; slot++) {
      free = this.#isTaken[slot] === 0 ? free + 1 : 0
      if (free === slots) return slot - slots + 1
    }
    return undefined
  }

  #fill(bytes: Uint8Array, position: number): boolean {
    try {
      for (let done = 0; done < bytes.byteLength; )
        done += writeSync(this.fd, bytes, done, bytes.byteLength - done, position + done)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return false
      throw error
    }
  }

  #check(): void {
    if (this.#isClosed) throw new SpindleError('ERR_BAD_STATE', 'the slots are closed')
  }
}
