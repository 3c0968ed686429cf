import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { LoopWatch } from './loop-watch.ts'
import type { WatchCommand, WatchSetup } from './watch-protocol.ts'

// The program of the thread that watches the event loop.

const commands = parentPort as MessagePort
const watch = new LoopWatch(workerData as WatchSetup)
commands.on('message', (command: WatchCommand) => {
  if (command === 'end') process.exit(0)
  else if (command === 'rest') watch.rest()
  else watch.begin(command.thresholdMs)
})
