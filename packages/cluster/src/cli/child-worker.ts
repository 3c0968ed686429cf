import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import type { Ledger } from '../contract/ledger.ts'
import { clockMs, pause } from '../timers.ts'
import type { CommandHost, CommandInput } from './command-host.ts'

/** A worker that lived shorter than this has not recovered. */
const SHORT_LIFE_MS = 10_000
/** Short lives in a row after which a worker is not started again. */
const MOST_SHORT_LIVES = 5

/** Statuses of `spindle worker` after which nothing is left to do for it. */
const ENDED = new Set([0, 130, 143])

/** One worker process, which is started again when it dies. */
export class ChildWorker {
  readonly #number: number
  readonly #input: CommandInput
  readonly #host: CommandHost
  readonly #ledger: Ledger
  readonly #stop: AbortSignal

  constructor(
    number: number,
    input: CommandInput,
    host: CommandHost,
    ledger: Ledger,
    stop: AbortSignal,
  ) {
    this.#number = number
    this.#input = input
    this.#host = host
    this.#ledger = ledger
    this.#stop = stop
  }

  /** @returns why the worker was given up; `undefined` if it ended by itself */
  async run(): Promise<string | undefined> {
    let shortLives = 0
    while (!this.#stop.aborted) {
      const beganMs = clockMs()
      const ending = await this.#live()
      if (ending === undefined || this.#stop.aborted) return undefined
      shortLives = clockMs() - beganMs < SHORT_LIFE_MS ? shortLives + 1 : 1
      const isLast = shortLives >= MOST_SHORT_LIVES || ending.isFinal
      const next = isLast ? 'it is not started again' : 'it is started again'
      this.#host.say(`worker ${this.#number} ${ending.text}; ${next}`)
      if (isLast) return `worker ${this.#number} ${ending.text}`
      await pause(100 * 2 ** shortLives, this.#stop)
    }
    return undefined
  }

  async #live(): Promise<{ readonly text: string; readonly isFinal: boolean } | undefined> {
    const host = hostname().replaceAll(/[^\w.-]/g, '-')
    const id = `${host}-w${this.#number}-${randomBytes(3).toString('hex')}`
    const child = this.#spawn(id)
    const ask = (): void => void child.kill('SIGTERM')
    this.#stop.addEventListener('abort', ask, { once: true })
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.on('error', () => resolve([127, null]))
      child.on('close', (...ending) => resolve(ending))
    })
    this.#stop.removeEventListener('abort', ask)
    if (code !== null && ENDED.has(code)) return undefined
    // The process has ended for certain, so its shards are free without waiting for its leases.
    await this.#ledger.forget(id).catch(() => {})
    if (signal !== null) return { text: `was killed by ${signal}`, isFinal: false }
    return { text: `ended with status ${code}`, isFinal: code === 2 }
  }

  #spawn(id: string): ChildProcess {
    const { subject, ledger, exportName, graceMs, args } = this.#input
    const child = spawn(
      process.execPath,
      [
        ...process.execArgv,
        this.#host.main,
        ...['worker', subject, '--id', id],
        ...(exportName === undefined ? [] : ['--export', exportName]),
        ...(graceMs === undefined ? [] : ['--grace', String(graceMs / 1000)]),
        ...(args.length === 0 ? [] : ['--', ...args]),
      ],
      // Ctrl-C in a terminal reaches the whole group. Here only the parent takes it, so that a
      // second one does not end workers that are releasing their shards.
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
        // Not an argument: its password would be in the list of processes.
        env: { ...process.env, SPINDLE_LEDGER: ledger },
      },
    )
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => {
        this.#host.say(`worker ${this.#number}: ${line.replace(/^spindle: /, '')}`)
      })
    return child
  }
}
