import type { AnyNdArray } from '../../base/array.ts'
import { withSource } from '../../base/errors.ts'
import type { OpenReader } from '../../files/reader.ts'
import { run } from '../../files/routine.ts'
import { NpzArrays } from './npz-arrays.ts'
import type { NpzGetOptions } from './npz-members.ts'

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
