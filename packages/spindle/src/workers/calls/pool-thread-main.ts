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
import { isMovable } from '../transport/move.ts'
import { toWire } from '../transport/wire-error.ts'
import { WorkerBuffers } from './buffer-pool.ts'
import type { PoolMessage, Refused, ThreadSetup } from './call-protocol.ts'
import { HeapWatch } from './heap-watch.ts'
import { PortCarrier } from './port-carrier.ts'
import { SharedWorkerControl } from './shared-control.ts'
import { Spinner } from './spinner.ts'
import { TaskRunner } from './task-runner.ts'

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
} = workerData as ThreadSetup
const control = new SharedWorkerControl(buffer)
const memories = handle && (await import('./call-memories.ts')).openMemories(handle)
const heap = new HeapWatch(maxHeapMb)
const marking = {
  postMessage: (message: unknown, transfers: readonly Transferable[]) =>
    port.postMessage(sealed(FROM_WORKER, message), transfers),
}
const runner = new TaskRunner(
  new PortCarrier(marking, isMovable),
  control,
  heap,
  new WorkerBuffers(),
  memories,
)
const spinner = new Spinner(control, poolSize)
const loopEnd = new LoopEnd(
  port,
  () => runner.pending > 0,
  () => runner.tellLoopEnd(),
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
  hear(message)
  // Pending calls need the event loop. Without them, the thread may spin for the next message here.
  while (!isDeno && runner.pending === 0 && spinner.isMessageNear(startedAt)) {
    const next = receiveMessageOnPort(port)
    if (next === undefined) return
    hear(next.message)
  }
  loopEnd.heard()
})
// If the thread ends by itself, finished results must not be lost.
process.on('exit', () => runner.flush())
port.postMessage(sealed(FROM_WORKER, 'ready'))

function hear(message: unknown): void {
  const told = opened(TO_WORKER, message)
  if (told === undefined) return
  spinner.heard++
  runner.hear(told as PoolMessage)
}
