import type { AnyNdArray } from '../../base/array.ts'
import { withSource } from '../../base/errors.ts'
import type { OpenReader } from '../../files/reader.ts'
import { run } from '../../files/routine.ts'
import { NpzArrays } from './npz-arrays.ts'
import type { NpzGetOptions } from './npz-members.ts'

/**
 * An open npz, made by `loadNpz`: named arrays, each read on request. The file stays open until
 * `close()`, so use `await using`, or close it.
 */
export class NpzFile extends NpzArrays<OpenReader> {
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  /**
   * Reads one array. Reads may overlap.
   *
   * @param name a name of `keys()`, with or without `.npy`
   * @returns the array, row-major; `parseNpy` describes the dtypes
   * @throws MediaError with `code`
   * - `ERR_NO_MEMBER`: there is no array with that name
   * - `ERR_DECODE`: the array is damaged or truncated, or its checksum is wrong
   * - `ERR_UNSUPPORTED`: its dtype or its compression is not supported
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

  /** Closes the file after the running reads have ended. It may be called again. */
  close(): Promise<void> {
    this.closing ??= Promise.allSettled(this.pending).then(() => this.reader.close())
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
