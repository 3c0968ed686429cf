import { closeSync, openSync, readSync } from 'node:fs'

/** What a thread has had of the processor, in milliseconds. */
export interface ThreadUse {
  /** Time for which it ran. An upper bound where only the whole process is known. */
  readonly busyMs: number
  /** Time for which it could have run but had to wait for a processor. */
  readonly delayedMs: number
}

/** Reads what the main thread has used: on Linux that of the thread, elsewhere that of the process. */
export class MainThreadUse {
  readonly #file: number | undefined
  readonly #bytes: Buffer = Buffer.alloc(96)

  constructor() {
    try {
      this.#file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
    } catch {
      this.#file = undefined
    }
  }

  read(): ThreadUse {
    if (this.#file !== undefined) {
      try {
        const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
        const [ran = 0, waited = 0] = this.#bytes.toString('latin1', 0, length).split(' ').map(Number)
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
  }
}
