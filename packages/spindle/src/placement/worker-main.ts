import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { SpindleError } from '../errors.ts'
import { seesContext } from '../sees-context.ts'
import {
  ABORTED,
  BEGUN,
  DROPPED,
  ENDED,
  FIELDS_OF_TASK,
  type OpReference,
  type PoolMessage,
  type RunMessage,
  SLOTS,
  type WireContext,
  type WorkerSetup,
} from './protocol.ts'
import { WorkerContext } from './worker-context.ts'
import { loadOp, markTsx, type Op } from './worker-modules.ts'
import { Outbox } from './worker-outbox.ts'

// What runs in a thread of a pool.

/** A result waits at most so long for company, in milliseconds. */
const HOLD_MS = 1

interface LoadedOp {
  readonly number: number
  readonly call: Op
  readonly seesContext: boolean
}

const port = parentPort as MessagePort
const { control: controlBuffer, init, tsx } = workerData as WorkerSetup
const control = new Int32Array(controlBuffer)
const outbox = new Outbox(port)
const ops: (LoadedOp | Promise<LoadedOp>)[] = []
const contexts: (WorkerContext | undefined)[] = []
let isFlushing = false
let flushedAt = 0

if (tsx !== undefined) markTsx()
if (init !== undefined) await (await loadOp(init))(undefined, undefined)
port.on('message', (message: PoolMessage) => {
  if (typeof message === 'number') contexts[message]?.abort()
  else if (message === 'close') process.exit(0)
  else takeUp(message)
})
// What was done before the thread ends of itself need not be done again.
process.on('exit', () => outbox.flush())
port.postMessage('ready')

function takeUp({ ops: references, tasks }: RunMessage): void {
  for (const reference of references) load(reference)
  flushedAt = performance.now()
  for (let at = 0; at < tasks.length; at += FIELDS_OF_TASK) {
    const slot = tasks[at] as number
    const number = tasks[at + 1] as number
    const op = ops[number] as LoadedOp | Promise<LoadedOp>
    const [item, wire] = [tasks[at + 2], tasks[at + 3] as WireContext | undefined]
    const isTimed = tasks[at + 4] === true
    if (op instanceof Promise) {
      // Loading runs the module's own code, which may end the thread: the task has begun.
      Atomics.store(control, slot, BEGUN)
      op.then(
        (loaded) => call(loaded, slot, item, wire, isTimed),
        (error) => failed(slot, error),
      )
    } else call(op, slot, item, wire, isTimed)
  }
  flush()
}

function load(reference: OpReference): void {
  const number = ops.length
  const loading = loadOp(reference).then((op) => {
    const loaded = { number, call: op, seesContext: seesContext(op) }
    if (!loaded.seesContext) outbox.blind.push(number)
    ops[number] = loaded
    return loaded
  })
  loading.catch(() => {})
  ops.push(loading)
}

function call(
  op: LoadedOp,
  slot: number,
  item: unknown,
  wire: WireContext | undefined,
  isTimed: boolean,
): void {
  if (control[SLOTS + slot] === ABORTED) {
    outbox.mark(slot, DROPPED)
    flushSoon()
    return
  }
  const context = op.seesContext
    ? new WorkerContext(wire, () => Atomics.load(control, SLOTS + slot) === ABORTED)
    : undefined
  contexts[slot] = context
  Atomics.store(control, slot, BEGUN)
  // The pool counts the op's time from here, not from the loading of its module, and must hear of it before the op holds the thread.
  if (isTimed) port.postMessage(slot)
  const startedAt = performance.now()
  try {
    const result = op.call(item, context)
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function') {
      Promise.resolve(result).then(
        (value) => succeeded(slot, value),
        (error) => failed(slot, error),
      )
    } else succeeded(slot, result)
  } catch (error) {
    failed(slot, error)
  }
  const now = performance.now()
  outbox.held(op.number, now - startedAt)
  if (now - flushedAt >= HOLD_MS) flush()
}

function succeeded(slot: number, value: unknown): void {
  if (isGenerator(value)) {
    failed(
      slot,
      new SpindleError(
        'ERR_NOT_TRANSFERABLE',
        'result cannot cross to another thread: the op is a generator, whose outputs an executor does not stream; return an array and follow it by disaggregate()',
      ),
    )
    return
  }
  outbox.value(slot, value)
  ended(slot)
}

function failed(slot: number, error: unknown): void {
  outbox.error(slot, error)
  ended(slot)
}

function ended(slot: number): void {
  contexts[slot] = undefined
  Atomics.store(control, slot, ENDED)
  flushSoon()
}

/** Sends what there is at the end of this turn. */
function flushSoon(): void {
  if (isFlushing) return
  isFlushing = true
  setImmediate(flush)
}

function flush(): void {
  isFlushing = false
  flushedAt = performance.now()
  outbox.flush()
}

function isGenerator(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { next, throw: fail } = value as { next?: unknown; throw?: unknown }
  return typeof next === 'function' && typeof fail === 'function'
}
