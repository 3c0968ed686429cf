import { closeSync, openSync, readSync } from 'node:fs'

/** What a thread has had of the processor, in milliseconds. */
export interface ThreadUse {
  /** Time for which it ran. An upper bound where only the whole process is known. */
  readonly busyMs: number
  /** Time for which it could have run but had to wait for a processor. */
  readonly delayedMs: number
}

const STATE = /\) (\w)/

/**
 * Reads what the main thread has used: on Linux that of the thread, elsewhere that of the process.
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
   * Whether the thread runs, or could run if it had a processor; `undefined` where only Linux
   * tells. A wait that lasts is in no sum yet.
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
        // The file is as good as gone; so says the next line.
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
