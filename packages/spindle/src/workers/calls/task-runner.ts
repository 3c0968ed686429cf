import type { OpReference } from '../../engine/worker-op.ts'
import type { StageInfo } from '../../op-context.ts'
import { seesContext } from '../../sees-context.ts'
import { clockMs, setImmediate, sinceEpoch } from '../../timers.ts'
import { type GeneratorLike, isGenerator, promiseOf } from '../../user-code.ts'
import type { CallMemory } from '../memory/call-memory.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import { loadOp, type Op } from '../supervise/worker-modules.ts'
import type { WorkerBuffers } from './buffer-pool.ts'
import type { CallMemories } from './call-memories.ts'
import {
  ABOVE_FLAGS,
  BEGINS,
  DROPPED,
  HAS_CONTEXT,
  HAS_LEASES,
  IS_TIMED,
  IS_TRACED,
  OK,
  type PoolMessage,
  type RunMessage,
  SHAPED,
  SKIPS,
  SLOT_OF_HEAD,
} from './call-protocol.ts'
import { Generating } from './generating.ts'
import type { HeapWatch } from './heap-watch.ts'
import type { CallTransport, WorkerControl } from './pool-channel.ts'
import { ResultBatcher } from './result-batcher.ts'
import { ShapeReader } from './shapes.ts'
import { WorkerContext } from './worker-context.ts'

/** How long a result may wait for others, in milliseconds. */
const HOLD_MS = 1

export interface LoadedOp {
  readonly number: number
  readonly call: Op
  readonly seesContext: boolean
}

/** Runs tasks in a worker thread or process. */
export class TaskRunner {
  readonly control: WorkerControl
  readonly batcher: ResultBatcher
  /** Number of calls that have begun and are waiting. */
  pending = 0
  /** Number of messages received from the pool. */
  receivedCount = 0
  readonly #transport: CallTransport
  readonly #heap: HeapWatch
  readonly #ops: (LoadedOp | Promise<LoadedOp>)[] = []
  readonly #stages: StageInfo[] = []
  readonly #shapes: ShapeReader = new ShapeReader()
  readonly #bufferPool: WorkerBuffers
  readonly #callMemories: CallMemories | undefined
  readonly #memories: (CallMemory | undefined)[] = []
  readonly #contexts: (WorkerContext | undefined)[] = []
  readonly #generating: Map<number, Generating> = new Map()
  /** When the traced task of each slot began. */
  readonly #traced: Map<number, number> = new Map()
  #isFlushing = false
  #isEnding = false
  #flushedAt = 0
  readonly #flushNow = (): void => this.flush()

  /** `memories`: shared memory for results, if the pool has any. */
  constructor(
    transport: CallTransport,
    control: WorkerControl,
    heap: HeapWatch,
    bufferPool: WorkerBuffers,
    memories?: CallMemories,
  ) {
    this.#callMemories = memories
    this.#bufferPool = bufferPool
    this.#transport = transport
    this.control = control
    this.batcher = new ResultBatcher(transport, control, this.#bufferPool, (slot) =>
      this.#generating.get(slot)?.giveUp(),
    )
    this.#heap = heap
  }

  onMessage(message: PoolMessage): void {
    this.receivedCount++
    if (typeof message === 'number') {
      this.#contexts[message]?.abort()
      this.#generating.get(message)?.close()
    } else if (message === 'close') {
      this.#isEnding = true
      this.#endIfClosed()
    } else this.#takeUp(message)
  }

  #takeUp({ ops, stages, shapes, buffers, tasks, taken, extracted }: RunMessage): void {
    if (ops !== undefined) for (const reference of ops) this.#load(reference)
    if (shapes !== undefined) this.#shapes.learn(shapes)
    if (stages !== undefined) {
      for (let at = 0; at < stages.length; at += 2)
        this.#stages[stages[at] as number] = stages[at + 1] as StageInfo
    }
    if (buffers !== undefined) this.#bufferPool.put(buffers)
    this.#flushedAt = clockMs()
    if (tasks !== undefined) {
      this.#transport.open(tasks as unknown[], extracted)
      for (let at = 0; at < tasks.length; ) at = this.#takeUpTask(tasks, at)
    }
    if (taken !== undefined) {
      for (let at = 0; at < taken.length; at += 2) {
        const slot = taken[at] as number
        this.#transport.release(slot, taken[at + 1] as number)
        this.#generating.get(slot)?.taken(taken[at + 1] as number)
      }
    }
    this.flush()
  }

  /** Starts the task that begins at `at`. Returns the position of the next one. */
  #takeUpTask(tasks: readonly unknown[], at: number): number {
    const head = tasks[at++] as number
    const slot = head & SLOT_OF_HEAD
    this.#transport.release(slot)
    const op = this.#ops[head >> ABOVE_FLAGS] as LoadedOp | Promise<LoadedOp>
    let context: readonly number[] | undefined
    if ((head & HAS_CONTEXT) !== 0) {
      const count = tasks[at++] as number
      context = tasks.slice(at, at + count) as number[]
      at += count
    }
    const skip = (head & SKIPS) === 0 ? 0 : (tasks[at++] as number)
    const leases = (head & HAS_LEASES) === 0 ? undefined : (tasks[at++] as readonly LeaseHandover[])
    let item = tasks[at++]
    if ((head & SHAPED) !== 0) {
      const shape = item as number
      item = this.#shapes.read(tasks, at, shape)
      at += this.#shapes.lengthOf(shape)
    }
    const isTimed = (head & IS_TIMED) !== 0
    if ((head & IS_TRACED) !== 0) this.#traced.set(slot, sinceEpoch())
    if (op instanceof Promise) {
      // Loading runs the module's code, which may end the worker, so the task counts as begun.
      this.control.load(slot)
      this.pending++
      op.then(
        (loaded) => {
          this.pending--
          this.#call(loaded, slot, item, context, isTimed, skip, leases)
        },
        (error) => {
          this.pending--
          this.failed(slot, error)
        },
      )
    } else this.#call(op, slot, item, context, isTimed, skip, leases)
    return at
  }

  #load(reference: OpReference): void {
    const number = this.#ops.length
    const loading = loadOp(reference).then((op) => {
      const loaded = { number, call: op, seesContext: seesContext(op) }
      if (!loaded.seesContext) this.batcher.contextFree.push(number)
      this.#ops[number] = loaded
      return loaded
    })
    const { init } = reference
    const over = (): void => {
      if (init === undefined) return
      this.batcher.initialised.push(number)
      this.flushSoon()
    }
    loading.then(over, over)
    this.#ops.push(loading)
  }

  #call(
    op: LoadedOp,
    slot: number,
    item: unknown,
    wire: readonly number[] | undefined,
    isTimed: boolean,
    skip: number,
    leases: readonly LeaseHandover[] | undefined,
  ): void {
    const { control } = this
    if (control.isAborted(slot)) {
      control.end(slot)
      this.#traced.delete(slot)
      this.batcher.mark(slot, DROPPED)
      this.flushSoon()
      return
    }
    if (this.#callMemories !== undefined && (op.seesContext || leases !== undefined)) {
      try {
        this.#memories[slot] = this.#callMemories.forCall(leases)
      } catch (error) {
        this.failed(slot, error)
        return
      }
    }
    const context = op.seesContext ? this.#contextOf(slot, wire) : undefined
    this.#contexts[slot] = context
    control.begin(slot)
    if (isTimed) {
      // The pool counts the op's time from here, not from the loading of its module. The message
      // must leave before the op blocks the worker, together with results of other calls with a
      // time limit.
      this.batcher.mark(slot, BEGINS)
      this.flush()
    }
    if (this.#traced.has(slot)) this.#traced.set(slot, sinceEpoch())
    const startedAt = clockMs()
    control.enter()
    let result: unknown
    try {
      // Called as a function, not as a method of its module.
      const { call } = op
      result = call(item, context)
    } catch (error) {
      control.leave()
      this.held(op.number, startedAt)
      this.failed(slot, error)
      return
    }
    control.leave()
    this.held(op.number, startedAt)
    this.#take(op, slot, result, skip, isTimed)
  }

  /**
   * Handles the result of a call. Inspecting it may run the user's code; if that throws, the call
   * has failed.
   */
  #take(op: LoadedOp, slot: number, result: unknown, skip: number, isTimed: boolean): void {
    try {
      const promise = promiseOf(result)
      if (promise !== undefined) this.#await(promise, op, slot, skip, isTimed)
      else if (isGenerator(result)) this.#generate(op, slot, result, skip, isTimed)
      else this.#succeeded(slot, result, op.number)
    } catch (error) {
      this.failed(slot, error)
    }
  }

  #await(
    promise: Promise<unknown>,
    op: LoadedOp,
    slot: number,
    skip: number,
    isTimed: boolean,
  ): void {
    promise.then(
      (value) => {
        this.pending--
        this.#take(op, slot, value, skip, isTimed)
      },
      (error) => {
        this.pending--
        this.failed(slot, error)
      },
    )
    this.pending++
  }

  #contextOf(slot: number, wire: readonly number[] | undefined): WorkerContext {
    const isAborted = (): boolean => this.control.isAborted(slot)
    const alloc = (byteLength: number): Uint8Array =>
      this.#memories[slot]?.alloc(byteLength) ?? new Uint8Array(this.#bufferPool.take(byteLength))
    if (wire === undefined) return new WorkerContext(undefined, isAborted, alloc)
    const [index, attempt, stage, ...rngKey] = wire as readonly [
      number,
      number,
      number,
      ...number[],
    ]
    const call = { index, attempt, stage: this.#stages[stage] as StageInfo, rngKey }
    return new WorkerContext(call, isAborted, alloc)
  }

  #generate(
    op: LoadedOp,
    slot: number,
    outputs: GeneratorLike,
    skip: number,
    isTimed: boolean,
  ): void {
    // Shared memory is counted by calls, but a generator allocates for many outputs, so its outputs
    // are transferred.
    this.#memories[slot]?.drop()
    this.#memories[slot] = undefined
    const generating = new Generating(this, op.number, slot, outputs, skip, isTimed)
    this.#generating.set(slot, generating)
    generating.advance()
  }

  #succeeded(slot: number, value: unknown, op: number): void {
    this.batcher.value(slot, OK, value, op, 0, this.#memories[slot])
    this.ended(slot)
  }

  failed(slot: number, error: unknown): void {
    this.#memories[slot]?.drop()
    this.batcher.error(slot, error)
    this.ended(slot)
  }

  /** Reports that calls have not ended although nothing is left to run in the worker. */
  sendLoopEnd(): void {
    this.#transport.send(this.receivedCount)
  }

  /** Ends the worker if that was requested and no generator is being closed. */
  #endIfClosed(): void {
    if (!this.#isEnding) return
    for (const generating of this.#generating.values()) if (generating.isClosed) return
    process.exit(0)
  }

  /** Frees a slot. */
  ended(slot: number): void {
    this.#contexts[slot] = undefined
    if (this.#callMemories !== undefined) this.#memories[slot] = undefined
    this.#generating.delete(slot)
    const beganAt = this.#traced.get(slot)
    if (beganAt !== undefined) {
      this.#traced.delete(slot)
      this.batcher.spans.push(slot, beganAt, sinceEpoch())
    }
    this.control.end(slot)
    this.flushSoon()
    this.#endIfClosed()
  }

  /** An op's own code has blocked the worker since `startedAt`. */
  held(op: number, startedAt: number): void {
    const now = clockMs()
    this.batcher.held(op, now - startedAt)
    // A flush is also due after many short calls: the batcher holds the results from before them
    // too.
    if (now - this.#flushedAt >= HOLD_MS) this.#flushedAt = Number.NEGATIVE_INFINITY
  }

  /** Sends results at the end of this event loop turn, or now if they have waited long enough. */
  flushSoon(): void {
    if (this.#flushedAt === Number.NEGATIVE_INFINITY || this.#transport.hasPlenty) this.flush()
    else if (!this.#isFlushing) {
      this.#isFlushing = true
      setImmediate(this.#flushNow)
    }
  }

  flush(): void {
    this.#isFlushing = false
    this.#flushedAt = clockMs()
    this.batcher.flush()
    if (this.#heap.isFull(this.#flushedAt)) this.#transport.send('full')
  }
}
