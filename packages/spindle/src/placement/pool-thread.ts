import type { ResourceLimits, Worker } from 'node:worker_threads'
import { notTransferable } from './not-transferable.ts'
import { pack } from './pack.ts'
import {
  ABORTED,
  BEGUN,
  FIELDS_OF_BUSY,
  FIELDS_OF_RESULT,
  FIELDS_OF_TASK,
  OK,
  type OpReference,
  type PoolMessage,
  type ResultMessage,
  SLOTS,
  THREW,
  WAITING,
  WANTED,
  type WireContext,
  type WorkerMessage,
} from './protocol.ts'
import { startWorker } from './start-worker.ts'
import type { Task } from './task.ts'
import { fromWire, type WireError } from './wire-error.ts'

/** Whom a thread tells. */
export interface ThreadOwner {
  readonly ops: readonly OpReference[]
  /** Numbers of ops that take no context. */
  readonly blindOps: Set<number>
  /** How long an op holds its thread, in milliseconds: a mean that forgets. */
  readonly opMs: Map<number, number>
  /** A thread has started. */
  threadReady(): void
  /** A thread can take tasks, or more of them. */
  threadHasRoom(): void
  /** A thread has ended. `suspects`: those it was running; `others`: those it had not begun. */
  threadEnded(thread: PoolThread, ending: ThreadEnding): void
}

export interface ThreadEnding {
  readonly wasReady: boolean
  /** Whether the pool ended it. */
  readonly wasMeant: boolean
  readonly exitCode: number
  readonly error: unknown
  readonly suspects: readonly Task[]
  readonly others: readonly Task[]
}

/** How long the tasks that wait in a worker should keep it busy, in milliseconds: enough to cover the way of the next ones. */
const AHEAD_MS = 2
/** Tasks this long wait in the pool, where any worker that is free can take them. */
const LONG_MS = 5

/**
 * The pool's side of one worker thread.
 *
 *   STARTING --'ready'--> READY --retire(): no new tasks--> RETIRING --empty--> (told to end)
 *      '--------------------'------------'--- exits, is terminated ---> ENDED
 */
export class PoolThread {
  /** Tasks it holds. */
  held = 0
  isReady = false
  /** It takes no more tasks. */
  isRetiring = false
  /** Tasks it was ever given. */
  given = 0
  readonly #owner: ThreadOwner
  readonly #worker: Worker
  readonly #control: Int32Array
  readonly #tasks: (Task | undefined)[] = new Array(SLOTS).fill(undefined)
  readonly #freeSlots: number[] = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i)
  readonly #graces: Map<number, NodeJS.Timeout> = new Map()
  readonly #maxTasks: number
  #toldOps = 0
  #outgoing: unknown[] = []
  #transfers: Set<ArrayBuffer> = new Set()
  #isSending = false
  #isReffed = true
  /** Held tasks whose promises are not settled. */
  #wanted = 0
  #hasSuspect = false
  #error: unknown
  #isMeantToEnd = false

  constructor(
    owner: ThreadOwner,
    options: {
      readonly init: OpReference | undefined
      readonly resourceLimits: ResourceLimits | undefined
      readonly maxTasks: number
    },
  ) {
    this.#owner = owner
    this.#maxTasks = options.maxTasks
    const control = new SharedArrayBuffer(2 * SLOTS * Int32Array.BYTES_PER_ELEMENT)
    this.#control = new Int32Array(control)
    this.#worker = startWorker({ control, init: options.init }, options.resourceLimits)
    this.#worker.on('message', (message: WorkerMessage) => this.#hear(message))
    this.#worker.on('error', (error) => {
      this.#error = error
    })
    this.#worker.on('exit', (code) => this.#ended(code))
  }

  /** Whether it can take that task now. */
  hasRoomFor(task: Task): boolean {
    if (!this.isReady || this.isRetiring || this.#hasSuspect) return false
    return this.held < (task.isSuspect ? 1 : this.#capacityFor(task.op))
  }

  #capacityFor(op: number): number {
    const ms = this.#owner.opMs.get(op)
    if (ms === undefined || ms >= LONG_MS) return 1
    return Math.min(SLOTS, 1 + Math.ceil(AHEAD_MS / ms))
  }

  /** Gives it a task; sent with all others of this turn. */
  give(task: Task): void {
    const slot = this.#freeSlots.pop() as number
    this.#tasks[slot] = task
    this.held++
    this.#wanted++
    this.given++
    if (this.given >= this.#maxTasks) this.isRetiring = true
    this.#hasSuspect = task.isSuspect
    this.#control[slot] = WAITING
    this.#control[SLOTS + slot] = WANTED
    this.#setRef(true)
    try {
      this.#outgoing.push(
        slot,
        task.op,
        pack(task.item, this.#transfers, false),
        this.#contextOf(task),
        task.call.onStart !== undefined,
      )
    } catch (error) {
      this.#take(slot)?.reject(error)
    }
    if (this.#isSending) return
    this.#isSending = true
    queueMicrotask(() => this.#send())
  }

  #contextOf({ op, call }: Task): WireContext | undefined {
    const { context } = call
    if (context === undefined || this.#owner.blindOps.has(op)) return undefined
    const { index, attempt, stage, rngKey } = context
    return { index, attempt, stage, rngKey }
  }

  #send(): void {
    this.#isSending = false
    const tasks = this.#outgoing
    const transfers = [...this.#transfers]
    this.#outgoing = []
    this.#transfers = new Set()
    const ops = this.#owner.ops.slice(this.#toldOps)
    this.#toldOps += ops.length
    try {
      this.#post({ ops, tasks }, transfers)
    } catch {
      this.#post({ ops, tasks: [] }, [])
      for (let at = 0; at < tasks.length; at += FIELDS_OF_TASK)
        this.#sendAlone(tasks.slice(at, at + FIELDS_OF_TASK))
      this.#owner.threadHasRoom()
    }
  }

  /** One task of a batch that cannot be sent as a whole. */
  #sendAlone(task: unknown[]): void {
    const transfers = new Set<ArrayBuffer>()
    try {
      task[2] = pack(task[2], transfers, false)
      this.#post({ ops: [], tasks: task }, [...transfers])
    } catch (error) {
      this.#take(task[0] as number)?.reject(notTransferable(task[2], 'item', error))
    }
  }

  #post(message: PoolMessage, transfers: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfers)
  }

  /** A held task is wanted no more: it is told so, and the worker ends if that does not help within `graceMs`. */
  abort(task: Task, graceMs: number): boolean {
    const slot = this.#tasks.indexOf(task)
    if (slot < 0) return false
    Atomics.store(this.#control, SLOTS + slot, ABORTED)
    this.#post(slot, [])
    this.#unwant()
    const timer = setTimeout(() => this.terminate(), graceMs)
    this.#graces.set(slot, timer)
    return true
  }

  /** Ends the thread when it has nothing left to do. */
  retire(): void {
    this.isRetiring = true
    if (this.held === 0) this.end()
  }

  /** Asks the thread to end. */
  end(): void {
    if (this.#isMeantToEnd) return
    this.#isMeantToEnd = true
    this.isRetiring = true
    // Whoever waits for the next thread, waits for this one to go.
    this.#setRef(true)
    this.#post('close', [])
  }

  /** Ends the thread whatever it does. */
  terminate(): void {
    this.#isMeantToEnd = true
    this.isRetiring = true
    void this.#worker.terminate()
  }

  #hear(message: WorkerMessage): void {
    if (typeof message === 'number') {
      const task = this.#tasks[message]
      if (task !== undefined && !task.isSettled) task.call.onStart?.()
    } else if (message === 'ready') {
      this.isReady = true
      this.#owner.threadReady()
      this.#setRef(this.#wanted > 0)
      this.#owner.threadHasRoom()
    } else this.#hearResults(message)
  }

  #hearResults({ results, busy, blind }: ResultMessage): void {
    for (const op of blind) this.#owner.blindOps.add(op)
    for (let at = 0; at < busy.length; at += FIELDS_OF_BUSY) {
      const [op, calls, ms] = busy.slice(at, at + FIELDS_OF_BUSY) as [number, number, number]
      const known = this.#owner.opMs.get(op) ?? ms / calls
      this.#owner.opMs.set(op, known + Math.min(1, calls / 8) * (ms / calls - known))
    }
    for (let at = 0; at < results.length; at += FIELDS_OF_RESULT) {
      const task = this.#take(results[at] as number)
      if (task === undefined || task.isSettled) continue
      if (results[at + 1] === OK) task.resolve(results[at + 2])
      else if (results[at + 1] === THREW) task.reject(fromWire(results[at + 2] as WireError))
    }
    if (this.#wanted === 0) this.#setRef(false)
    if (this.isRetiring && this.held === 0) this.end()
    this.#owner.threadHasRoom()
  }

  /** A slot is free again. */
  #take(slot: number): Task | undefined {
    const task = this.#tasks[slot]
    if (task === undefined) return undefined
    this.#tasks[slot] = undefined
    this.#freeSlots.push(slot)
    this.held--
    this.#hasSuspect = false
    const grace = this.#graces.get(slot)
    if (grace === undefined) this.#wanted--
    else {
      clearTimeout(grace)
      this.#graces.delete(slot)
    }
    return task
  }

  #unwant(): void {
    this.#wanted--
    if (this.#wanted === 0) this.#setRef(false)
  }

  /** A thread keeps the process alive only while somebody waits for it. */
  #setRef(isReffed: boolean): void {
    if (isReffed === this.#isReffed) return
    this.#isReffed = isReffed
    if (isReffed) this.#worker.ref()
    else this.#worker.unref()
  }

  #ended(exitCode: number): void {
    for (const timer of this.#graces.values()) clearTimeout(timer)
    this.#graces.clear()
    const held = this.#tasks.flatMap((task, slot) =>
      task === undefined || task.isSettled ? [] : [{ task, slot }],
    )
    const isBegun = ({ slot }: { slot: number }): boolean => Atomics.load(this.#control, slot) === BEGUN
    // A thread that dies without having begun anything was killed by what it did before; whoever waits there shares the blame.
    const begun = held.some(isBegun) ? held.filter(isBegun) : held
    const suspects = this.#isMeantToEnd ? [] : begun
    const others = held.filter((one) => !suspects.includes(one))
    const wasReady = this.isReady
    this.isReady = false
    this.isRetiring = true
    this.#owner.threadEnded(this, {
      wasReady,
      wasMeant: this.#isMeantToEnd,
      exitCode,
      error: this.#error,
      suspects: suspects.map(({ task }) => task),
      others: others.map(({ task }) => task),
    })
  }
}
