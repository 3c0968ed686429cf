import { parentPort, workerData } from 'node:worker_threads'
import { openLedger } from '../open/open-ledger.ts'
import { clockMs, dateMs, pause } from '../timers.ts'
import type { RenewalAnswer, RenewalNews, RenewalStart } from './renewal-messages.ts'

// Renews the leases of a worker. It has a thread and connections of its own, because code that
// blocks the main thread's event loop must not cost the worker its leases.

const { url, options, everyMs, maxBlockedMs, ticks } = workerData as RenewalStart
const counter = new Int32Array(ticks)
const ledger = await openLedger(url, options)
let news: RenewalNews | undefined
let wake = new AbortController()
parentPort!.on('message', (next: RenewalNews) => {
  const isFirst = news === undefined
  news = next
  if (isFirst) wake.abort()
})

let seen = Atomics.load(counter, 0)
let seenMs = clockMs()
for (;;) {
  await pause(everyMs, wake.signal)
  wake = new AbortController()
  const tick = Atomics.load(counter, 0)
  if (tick !== seen) [seen, seenMs] = [tick, clockMs()]
  if (news === undefined || clockMs() - seenMs > maxBlockedMs) continue
  const { report, leases } = news
  try {
    const lost = await ledger.renew({ ...report, reportedMs: dateMs() }, leases)
    parentPort!.postMessage({ lost } satisfies RenewalAnswer)
  } catch {
    // The ledger cannot be reached. The next turn tries again; commits decide.
  }
}
