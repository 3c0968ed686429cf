import { LoopEnd, neverReady, processLifeline } from '../supervise/loop-end.ts'
import { joinProcess, onRefused } from '../supervise/nesting.ts'
import { markTsx, runInit } from '../supervise/worker-modules.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { toWire } from '../transport/wire-error.ts'
import { WorkerBuffers } from './buffer-pool.ts'
import type { LastWords, PoolMessage, PoolWorkerSetup, Refused } from './call-protocol.ts'
import { FileWorkerControl } from './file-control.ts'
import { HeapWatch } from './heap-watch.ts'
import { watchParent } from './orphan-watch.ts'
import { ProcessTransport } from './process-transport.ts'
import { TaskRunner } from './task-runner.ts'

// The main module of a process of a pool.

/** File descriptors inherited from the pool: control block, items, results. */
const [CONTROL, ITEMS, RESULTS] = [4, 5, 6]

joinProcess()

let runner: TaskRunner | undefined
let isStarting = false
const loopEnd = new LoopEnd(
  processLifeline,
  () => isStarting || (runner?.pending ?? 0) > 0,
  () => (runner === undefined ? failedToStart(neverReady()) : runner.sendLoopEnd()),
)

process.on('message', (sent: unknown) => {
  const message = opened(TO_WORKER, sent) as PoolWorkerSetup | PoolMessage | undefined
  if (message === undefined) return
  if (runner !== undefined) runner.onMessage(message as PoolMessage)
  else if (message === 'close') process.exit(0)
  else setUp(message as PoolWorkerSetup).catch(failedToStart)
  loopEnd.checkSoon()
})
process.on('disconnect', () => process.exit(0))
// Ctrl-C in a terminal signals all its processes. The pool's process decides when this one ends.
process.on('SIGINT', () => {})
process.on('uncaughtExceptionMonitor', (error) =>
  post({ thrown: toWire(error) } satisfies LastWords),
)
// If the process ends by itself, finished results must not be lost.
process.on('exit', () => runner?.flush())

onRefused((error, module) => {
  post({ refused: toWire(error), module } satisfies Refused)
  process.exit(0)
})

async function setUp({ init, initArgs, maxHeapMb, tsx }: PoolWorkerSetup): Promise<void> {
  isStarting = true
  if (tsx !== undefined) markTsx()
  // Before `init`, which may block the process for long.
  watchParent()
  if (init !== undefined) await runInit(init, initArgs)
  const bufferPool = new WorkerBuffers()
  const transport = new ProcessTransport(post, RESULTS, ITEMS, {
    left: (buffer) => bufferPool.left(buffer),
  })
  runner = new TaskRunner(
    transport,
    new FileWorkerControl(CONTROL),
    new HeapWatch(maxHeapMb),
    bufferPool,
  )
  isStarting = false
  post('ready')
}

/** Ends the process with the error, which the pool then reports to the waiting calls. */
function failedToStart(error: unknown): void {
  post({ thrown: toWire(error) } satisfies LastWords)
  process.exit(1)
}

function post(message: unknown): void {
  if (process.connected)
    process.send?.(sealed(FROM_WORKER, message), undefined, undefined, () => {})
}
