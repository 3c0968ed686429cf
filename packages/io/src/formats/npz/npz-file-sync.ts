import type { AnyNdArray } from '../../base/array.ts'
import { withSource } from '../../base/errors.ts'
import type { OpenSyncReader } from '../../files/reader.ts'
import { runSync } from '../../files/routine.ts'
import { NpzArrays } from './npz-arrays.ts'
import type { NpzGetOptions } from './npz-members.ts'

/**
 * An open npz with synchronous reads: the result of `parseNpz`, and of `loadNpz` in
 * `@spindle/io/sync`.
 */
export class NpzFileSync extends NpzArrays<OpenSyncReader> {
  private isOpen = true

  /**
   * Reads one array, as `NpzFile.get`.
   *
   * @throws MediaError as `NpzFile.get`
   */
  get(name: string, options: NpzGetOptions = {}): AnyNdArray {
    const routine = this.routineOf(name, options, this.isOpen)
    try {
      return runSync(routine, { reader: this.reader })
    } catch (error) {
      throw withSource(error, this.source)
    }
  }

  /** Closes the file. It may be called again. */
  close(): void {
    this.isOpen = false
    this.reader.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
