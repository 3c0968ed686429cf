import type { Ledger } from '../contract/ledger.ts'
import { ClusterError } from '../errors.ts'
import { openLedger } from '../open/open-ledger.ts'
import { StatusRates } from '../status/rates.ts'
import type { StatusPage } from '../status/status-page.ts'
import { statusText } from '../status/status-text.ts'
import { clearInterval, pause, setInterval } from '../timers.ts'
import { type CommandHost, type CommandInput, FAILED, OK } from './command-host.ts'
import { openPage } from './run-fleet.ts'

const EVERY_MS = 1000

/** Shows how an epoch is: live on a terminal, once elsewhere. */
export async function showStatus(input: CommandInput, host: CommandHost): Promise<number> {
  const ledger = await openLedger(input.subject)
  try {
    if ((await ledger.join()) === undefined)
      throw new ClusterError('ERR_NO_EPOCH', `${ledger.url} holds no job yet`)
    const page = await openPage(ledger, input, host)
    if (page !== undefined) return await untilStopped(page)
    const isLive = process.stdout.isTTY === true && !input.isOnce && !input.asJson
    return isLive ? await watch(ledger) : await once(ledger, input, host)
  } finally {
    await ledger.close()
  }
}

/** Serves the page until Ctrl-C. */
async function untilStopped(page: StatusPage): Promise<number> {
  const keepAlive = setInterval(() => {}, 60_000)
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve())
  })
  clearInterval(keepAlive)
  page.close()
  return OK
}

async function once(ledger: Ledger, input: CommandInput, host: CommandHost): Promise<number> {
  const status = await ledger.status()
  await host.print(`${input.asJson ? JSON.stringify(status) : statusText(ledger.url, status)}\n`)
  return status.dead > 0 ? FAILED : OK
}

async function watch(ledger: Ledger): Promise<number> {
  const end = new AbortController()
  const stop = (): void => end.abort()
  process.once('SIGINT', stop)
  const rates = new StatusRates()
  let lines = 0
  try {
    for (;;) {
      const status = await ledger.status()
      rates.add(status)
      const columns = Math.min(80, process.stdout.columns ?? 80)
      const text = statusText(ledger.url, status, rates.rates(), columns)
      const back = lines > 0 ? `\x1b[${lines}A\x1b[J` : ''
      process.stdout.write(`${back}${text}\n`)
      lines = text.split('\n').length
      if (status.isComplete || end.signal.aborted) return status.dead > 0 ? FAILED : OK
      await pause(EVERY_MS, end.signal)
      if (end.signal.aborted) return OK
    }
  } finally {
    process.off('SIGINT', stop)
  }
}
