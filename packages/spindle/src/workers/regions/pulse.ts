import { closeSync } from 'node:fs'
import { openUnnamedFile, readFully, writeFully } from '../memory/unnamed-file.ts'

const BYTES = Uint32Array.BYTES_PER_ELEMENT

/** A file in which a process counts as long as it runs, even if its event loop is blocked. */
export class Pulse {
  readonly file: number
  readonly #count: Uint32Array = new Uint32Array(1)

  private constructor(file: number) {
    this.file = file
    writeFully(file, new Uint8Array(BYTES), 0)
  }

  /**
   * `undefined` if no file can be made. A stopped process then cannot be distinguished from a busy
   * one.
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
