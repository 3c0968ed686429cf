import { closeSync, openSync, readSync } from 'node:fs'

/** The processor time of a thread, in milliseconds. */
export interface ThreadUse {
  /** Time for which it ran. An upper bound if only the whole process can be measured. */
  readonly busyMs: number
  /** Time for which it was ready to run but waited for a processor. */
  readonly delayedMs: number
}

const STATE = /\) (\w)/

/**
 * Measures the processor time of the main thread: of the thread on Linux, of the process elsewhere.
 */
export class MainThreadUse {
  readonly #file: number | undefined
  readonly #stat: number | undefined
  readonly #bytes: Buffer = Buffer.alloc(96)

  constructor() {
    try {
      this.#file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
      this.#stat = openSync(`/proc/self/task/${process.pid}/stat`, 'r')
    } catch {
      this.#file = undefined
      this.#stat = undefined
    }
  }

  /**
   * Whether the thread runs, or would run if it had a processor. `undefined` on systems other than
   * Linux. The sums do not contain a wait that has not ended.
   */
  isRunnable(): boolean | undefined {
    if (this.#stat === undefined) return undefined
    try {
      const length = readSync(this.#stat, this.#bytes, 0, this.#bytes.length, 0)
      return STATE.exec(this.#bytes.toString('latin1', 0, length))?.[1] === 'R'
    } catch {
      return undefined
    }
  }

  read(): ThreadUse {
    if (this.#file !== undefined) {
      try {
        const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
        const [ran = 0, waited = 0] = this.#bytes
          .toString('latin1', 0, length)
          .split(' ')
          .map(Number)
        return { busyMs: ran / 1e6, delayedMs: waited / 1e6 }
      } catch {
        // If the file cannot be read, measure the process instead.
      }
    }
    const { user, system } = process.cpuUsage()
    return { busyMs: (user + system) / 1e3, delayedMs: 0 }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    if (this.#stat !== undefined) closeSync(this.#stat)
  }
}
