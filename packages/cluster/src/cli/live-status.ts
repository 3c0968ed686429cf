import type { Ledger } from '../contract/ledger.ts'
import type { LedgerStatus } from '../contract/status.ts'
import { StatusRates } from '../status/rates.ts'
import { statusLine, statusText } from '../status/status-text.ts'
import { pause } from '../timers.ts'
import type { CommandHost, CommandInput } from './command-host.ts'

const TERMINAL_MS = 1000
/** Where progress is written to a file, one line now and then. */
const LINES_MS = 10_000

/** Shows the status of a ledger while a command works, on standard error. */
export class LiveStatus {
  readonly #end = new AbortController()
  readonly #running: Promise<void>
  #lines = 0

  constructor(ledger: Ledger, input: CommandInput, host: CommandHost) {
    const isTerminal = process.stderr.isTTY === true
    const isShown = input.showsProgress ?? (isTerminal && !input.asJson)
    this.#running = isShown ? this.#show(ledger, host, isTerminal) : Promise.resolve()
  }

  async end(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #show(ledger: Ledger, host: CommandHost, isTerminal: boolean): Promise<void> {
    const rates = new StatusRates()
    while (!this.#end.signal.aborted) {
      await pause(isTerminal ? TERMINAL_MS : LINES_MS, this.#end.signal)
      if (this.#end.signal.aborted) break
      const status = await ledger.status().catch(() => undefined)
      if (status === undefined) continue
      rates.add(status)
      if (isTerminal) this.#redraw(ledger.url, status, rates)
      else host.say(statusLine(status, rates.rates()))
    }
    this.#clear()
  }

  #redraw(url: string, status: LedgerStatus, rates: StatusRates): void {
    const columns = Math.min(80, process.stderr.columns ?? 80)
    const text = statusText(url, status, rates.rates(), columns)
    this.#clear()
    process.stderr.write(`${text}\n`)
    this.#lines = text.split('\n').length
  }

  #clear(): void {
    if (this.#lines > 0) process.stderr.write(`\x1b[${this.#lines}A\x1b[J`)
    this.#lines = 0
  }
}
