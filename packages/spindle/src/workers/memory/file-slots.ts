import { closeSync, fstatSync, readSync, writeSync } from 'node:fs'
import { badOption, checkInteger, checkOptions } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { openUnnamedFile } from './unnamed-file.ts'

// Between processes. Node has no mmap, and IPC copies bytes several times over; a file in memory,
// written and read by single calls, is the fastest portable way (150 KB: a third of the time of IPC
// with advanced serialisation).

/** Options of `FileSlots.create()`. */
export interface FileSlotsOptions {
  /**
   * Size of a slot in bytes, an integer >= 1. What is larger takes several neighbouring ones.
   * Default 262144 (256 KiB).
   */
  readonly slotBytes?: number
  /** How many slots there are, an integer >= 1. Memory is used only once they are. Default 256. */
  readonly count?: number
}

/** What another process needs to use the slots: plain data, also for JSON. */
export interface FileSlotsHandle {
  /** Number of the file descriptor in that process. */
  readonly fd: number
  readonly slotBytes: number
  readonly count: number
}

/** Where some bytes lie: plain data, to be sent to the reader and back when it has read them. */
export interface SlotTicket {
  readonly slot: number
  readonly byteLength: number
  /** Counts the uses of the slot, so that a ticket that was given back already is recognised. */
  readonly generation: number
}

/**
 * Bytes on their way from one process to another, through slots of a file that lies in memory and
 * has no name: nothing of it is left when both processes are gone, however they died. One side
 * writes, the other reads; what goes back takes slots of its own.
 *
 * The other process is a child that inherits the descriptor; the tickets go by IPC:
 *
 *     const slots = FileSlots.create()
 *     const child = fork(entry, { stdio: ['inherit', 'inherit', 'inherit', 'ipc', slots.fd] })   // 4 in the child
 *     child.send(slots.handleFor(4))
 *     const ticket = slots.write(bytes)                    // undefined: no room just now; send the bytes themselves
 *     child.send(ticket ?? bytes)
 *     child.on('message', (read) => slots.free(read))
 *     // in the child: const slots = FileSlots.attach(handle); slots.read(ticket); process.send(ticket)
 *
 * When the reader has died, close the slots: its tickets never come back.
 */
export class FileSlots implements Disposable {
  /** The file's descriptor, for the `stdio` of a child. */
  readonly fd: number
  readonly slotBytes: number
  readonly count: number
  readonly #generations: Uint32Array
  /** For each slot that begins a run, how many it has; else 0. */
  readonly #runs: Uint32Array
  readonly #isTaken: Uint8Array
  #taken = 0
  #isClosed = false

  private constructor({ fd, slotBytes, count }: FileSlotsHandle) {
    this.fd = fd
    this.slotBytes = slotBytes
    this.count = count
    this.#generations = new Uint32Array(count)
    this.#runs = new Uint32Array(count)
    this.#isTaken = new Uint8Array(count)
  }

  /**
   * Makes slots of a new file.
   *
   * @throws `ERR_BAD_OPTION`; what the file system throws if no file can be opened.
   */
  static create(options: FileSlotsOptions = {}): FileSlots {
    checkOptions(options, ['slotBytes', 'count'])
    const { slotBytes = 256 * 1024, count = 256 } = options
    checkInteger('slotBytes', slotBytes, 1)
    checkInteger('count', count, 1)
    return new FileSlots({ fd: openUnnamedFile(slotBytes * count), slotBytes, count })
  }

  /**
   * Uses the slots of a file that this process has inherited.
   *
   * @throws `ERR_BAD_STATE` if there is no such file.
   */
  static attach(handle: FileSlotsHandle): FileSlots {
    try {
      fstatSync(handle.fd)
    } catch (cause) {
      throw new SpindleError('ERR_BAD_STATE', `no file descriptor ${handle.fd} was inherited`, {
        cause,
      })
    }
    return new FileSlots(handle)
  }

  /** What a child needs that inherits the descriptor as its number `fd`, its place in `stdio`. */
  handleFor(fd: number): FileSlotsHandle {
    return { fd, slotBytes: this.slotBytes, count: this.count }
  }

  /** Slots in use, as the writing side knows. */
  get taken(): number {
    return this.#taken
  }

  /**
   * Writes bytes into free slots. The bytes may be changed afterwards; the ticket is for the
   * reader.
   *
   * @returns `undefined` if there is no room for them now or, larger than all slots, ever; also
   *   where the system has no memory left.
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
   * Reads what a ticket stands for: into the beginning of `into`, else into memory of its own.
   * Memory that is used again is the better one: in new memory each 4 KiB cost a page fault, in all
   * several times the copying.
   *
   * @throws `ERR_BAD_STATE` if the file ends before, that is if the ticket is not one of these
   *   slots; `ERR_BAD_OPTION` if `into` is too small.
   */
  read(ticket: SlotTicket, into?: Uint8Array): Uint8Array {
    this.#check()
    const { slot, byteLength } = ticket
    if (into !== undefined && into.byteLength < byteLength)
      badOption('into', `an array of at least ${byteLength} bytes`, into)
    // Not zeroed, since all of it is written; never a part of Node's own pool.
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
   * The reader is done with a ticket: its slots can be written again.
   *
   * @throws `ERR_STALE_VIEW` if that was said before.
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
   * Closes the descriptor; the memory goes when the other process has closed its own, or ended.
   * Does nothing the second time.
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
   * The first run of free slots: low ones, whose memory is there and warm, are used again and
   * again.
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
