import type { AnyNdArray } from '../../base/array.ts'
import { badOption, MediaError, withSource } from '../../base/errors.ts'
import type { OpenReader, OpenSyncReader } from '../../files/reader.ts'
import { type Reader, type Routine, run, runSync } from '../../files/routine.ts'
import {
  checkGetOptions,
  findMember,
  type NpzGetOptions,
  type NpzMembers,
  type NpzPlan,
  readArray,
} from './npz-members.ts'

/** What an open npz is, whatever the form. */
abstract class NpzArrays<R extends Reader> {
  /** What it was read from: a path, a URL, or a number of bytes. */
  readonly source: string
  protected readonly reader: R
  private readonly members: NpzMembers
  private readonly plan: NpzPlan

  /** @internal */
  constructor(source: string, reader: R, members: NpzMembers, plan: NpzPlan) {
    this.source = source
    this.reader = reader
    this.members = members
    this.plan = plan
  }

  /** The names of the arrays, in the order of the file, without `.npy`. */
  keys(): string[] {
    return [...this.members.keys()]
  }

  /** Whether there is an array of that name. */
  has(name: string): boolean {
    return this.members.has(name)
  }

  /** Reads one array. @throws MediaError `ERR_BAD_OPTION` at once */
  protected routineOf(name: string, options: NpzGetOptions, isOpen: boolean): Routine<AnyNdArray> {
    if (typeof name !== 'string') throw badOption('name', 'a string', name)
    checkGetOptions(options)
    return this.read(name, options, isOpen)
  }

  private *read(name: string, options: NpzGetOptions, isOpen: boolean): Routine<AnyNdArray> {
    if (!isOpen) throw new MediaError('ERR_BAD_STATE', 'the npz is closed')
    const entry = findMember(this.members, name)
    return yield* readArray(entry, options, this.plan, this.reader.isOwn)
  }
}

/**
 * An open npz: named arrays, each read when it is asked for. Made by `loadNpz`. The file is held
 * open until `close()`, so `await using` it, or close it.
 */
export class NpzFile extends NpzArrays<OpenReader> {
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  /**
   * Reads one array. Many may be read at a time.
   *
   * @param name as `keys()` gives it; `.npy` may be added
   * @returns row-major; see `parseNpy` for what becomes of NumPy's dtypes
   * @throws MediaError with `code`
   * - `ERR_NO_MEMBER`: there is no array of that name
   * - `ERR_DECODE`: it is damaged, truncated, or its checksum is wrong
   * - `ERR_UNSUPPORTED`: its dtype, or how it is compressed
   * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
   * - `ERR_BAD_STATE`: the file was closed
   */
  async get(name: string, options: NpzGetOptions = {}): Promise<AnyNdArray> {
    const { reader } = this
    const reading = run(this.routineOf(name, options, this.closing === undefined), { reader })
    this.pending.add(reading)
    try {
      return await reading
    } catch (error) {
      throw withSource(error, this.source)
    } finally {
      this.pending.delete(reading)
    }
  }

  /** Lets go of the file once the arrays under way are read. May be called again. */
  close(): Promise<void> {
    this.closing ??= Promise.allSettled(this.pending).then(() => this.reader.close())
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * An open npz whose arrays are read synchronously: that of `parseNpz`, and of `loadNpz` in
 * `@spindle/io/sync`.
 */
export class NpzFileSync extends NpzArrays<OpenSyncReader> {
  private isOpen = true

  /** Reads one array, as `NpzFile.get` does. @throws MediaError as `NpzFile.get` */
  get(name: string, options: NpzGetOptions = {}): AnyNdArray {
    const routine = this.routineOf(name, options, this.isOpen)
    try {
      return runSync(routine, { reader: this.reader })
    } catch (error) {
      throw withSource(error, this.source)
    }
  }

  /** Lets go of the file. May be called again. */
  close(): void {
    this.isOpen = false
    this.reader.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
