import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  type Transferable,
  workerData,
} from 'node:worker_threads'
import { isDeno } from '../../runtime.ts'
import { clockMs } from '../../timers.ts'
import { LoopEnd } from '../supervise/loop-end.ts'
import { onRefused } from '../supervise/nesting.ts'
import { markTsx, runInit } from '../supervise/worker-modules.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { isMovable } from '../transport/movable.ts'
import { toWire } from '../transport/wire-error.ts'
import { WorkerBuffers } from './buffer-pool.ts'
import type { PoolMessage, PoolThreadSetup, Refused } from './call-protocol.ts'
import { HeapWatch } from './heap-watch.ts'
import { TaskRunner } from './task-runner.ts'
import { SharedWorkerControl, SpinWait, ThreadTransport } from './thread-transport.ts'

// The main module of a thread of a pool.

const port = parentPort as MessagePort
const {
  control: buffer,
  init,
  initArgs,
  tsx,
  maxHeapMb,
  poolSize,
  memory: handle,
} = workerData as PoolThreadSetup
const control = new SharedWorkerControl(buffer)
const memories = handle && (await import('./call-memories.ts')).openMemories(handle)
const heap = new HeapWatch(maxHeapMb)
const marking = {
  postMessage: (message: unknown, transfers: readonly Transferable[]) =>
    port.postMessage(sealed(FROM_WORKER, message), transfers),
}
const runner = new TaskRunner(
  new ThreadTransport(marking, isMovable),
  control,
  heap,
  new WorkerBuffers(),
  memories,
)
const spinWait = new SpinWait(control, poolSize)
const loopEnd = new LoopEnd(
  port,
  () => runner.pending > 0,
  () => runner.sendLoopEnd(),
)

if (memories !== undefined) control.member = memories.member
if (tsx !== undefined) markTsx()
onRefused((error, module) => {
  port.postMessage(sealed(FROM_WORKER, { refused: toWire(error), module } satisfies Refused))
  process.exit(0)
})
if (init !== undefined) await runInit(init, initArgs)
port.on('message', (message: unknown) => {
  const startedAt = clockMs()
  onMessage(message)
  // Pending calls need the event loop. Without them, the thread may spin for the next message here.
  while (!isDeno && runner.pending === 0 && spinWait.isMessageNear(startedAt)) {
    const next = receiveMessageOnPort(port)
    if (next === undefined) return
    onMessage(next.message)
  }
  loopEnd.checkSoon()
})
// If the thread ends by itself, finished results must not be lost.
process.on('exit', () => runner.flush())
port.postMessage(sealed(FROM_WORKER, 'ready'))

function onMessage(message: unknown): void {
  const received = opened(TO_WORKER, message)
  if (received === undefined) return
  spinWait.received++
  runner.onMessage(received as PoolMessage)
}
