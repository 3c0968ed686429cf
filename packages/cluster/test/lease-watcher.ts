import { parentPort, workerData } from 'node:worker_threads'
import { openLedger } from '../src/open/open-ledger.ts'
import { pause } from '../src/timers.ts'

// A worker on a thread of its own that tries to take shards of others, and counts those it got.

const ledger = await openLedger(workerData as string)
let isEnded = false
let taken = 0
parentPort!.on('message', () => {
  isEnded = true
})
await pause(1)
parentPort!.postMessage('ready')
while (!isEnded) {
  await pause(50)
  // It must not take the shard before the worker has: it looks only.
  const { running } = await ledger.status()
  if (running > 0 && (await ledger.lease('watcher')).kind === 'lease') taken++
}
parentPort!.postMessage(taken)
parentPort!.close()
