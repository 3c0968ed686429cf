import { closeSync } from 'node:fs'
import { readFully, writeFully } from '../calls/file-bytes.ts'
import { openUnnamedFile } from '../memory/unnamed-file.ts'

const BYTES = Uint32Array.BYTES_PER_ELEMENT

/** The file in which a process counts as long as it runs, whatever holds its loop. */
export class Pulse {
  readonly file: number
  readonly #count: Uint32Array = new Uint32Array(1)

  private constructor(file: number) {
    this.file = file
    writeFully(file, new Uint8Array(BYTES), 0)
  }

  /**
   * `undefined` where no file can be made: then nobody can tell a process that is stopped from one
   * that is busy.
   */
  static open(): Pulse | undefined {
    try {
      return new Pulse(openUnnamedFile(BYTES))
    } catch {
      return undefined
    }
  }

  get count(): number {
    readFully(this.file, new Uint8Array(this.#count.buffer), 0)
    return this.#count[0] as number
  }

  close(): void {
    closeSync(this.file)
  }
}
