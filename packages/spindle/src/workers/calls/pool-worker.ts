import { clearTimeout, clockMs, setTimeout, sinceEpoch, type Timer } from '../../timers.ts'
import { dropLeases, takeLeases } from '../memory/call-memory.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import type { WorkerExit, WorkerListener } from '../transport/watch-worker.ts'
import { fromWire, type WireError } from '../transport/wire-error.ts'
import {
  ABOVE_FLAGS,
  BEGINS,
  DONE,
  HAS_LEASES,
  OK,
  OUTPUT,
  type ResultMessage,
  SHAPED,
  SLOT_OF_HEAD,
  SLOTS,
  THREW,
  type WorkerMessage,
} from './call-protocol.ts'
import { callsAhead } from './calls-ahead.ts'
import { WorkerInits } from './inits.ts'
import { CallOutputs } from './outputs.ts'
import type { Connect, PoolChannel } from './pool-channel.ts'
import { Sender } from './sender.ts'
import { ShapeReader } from './shapes.ts'
import { SilenceWatch } from './silence-watch.ts'
import { reportSpans, type Task } from './task.ts'
import type { WorkerOwner } from './worker-owner.ts'

/** How long an idle worker may keep the process alive, in milliseconds. */
const LET_GO_MS = 5
/**
 * Maximum number of slots for generators. Generators that wait for their readers must leave slots
 * for the tasks that those readers wait for.
 */
const GENERATOR_SLOTS = (SLOTS * 3) / 4

/**
 * The pool's side of one worker.
 *
 *   STARTING --'ready'--> READY --retire(): no new tasks--> RETIRING --empty--> (told to end)
 *      '--------------------'------------'--- exits, is terminated ---> ENDED
 */
export class PoolWorker implements WorkerListener<WorkerMessage> {
  /**
   * Number of tasks that keep or will keep it busy: all except generators whose readers still have
   * outputs to take.
   */
  load = 0
  isReady = false
  /** Whether it takes no more tasks. */
  isRetiring = false
  readonly #owner: WorkerOwner<PoolWorker>
  readonly #channel: PoolChannel
  readonly #sender: Sender
  readonly #shapes: ShapeReader = new ShapeReader()
  readonly #tasks: (Task | undefined)[] = new Array(SLOTS).fill(undefined)
  readonly #freeSlots: number[] = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i)
  readonly #inits: WorkerInits
  readonly #silence: SilenceWatch
  readonly #graces: Map<number, Timer> = new Map()
  /** Called when the worker has finished with an aborted task. */
  readonly #onFree: Map<Task, () => void> = new Map()
  #given = 0
  #isReffed = true
  #isLettingGo = false
  #hasEnded = false
  /** Number of held tasks that a caller waits for. */
  #awaited = 0
  #generators = 0
  #suspect: Task | undefined
  #isMeantToEnd = false
  /**
   * Number of messages that the worker had received when nothing was left to run in it although
   * calls had not ended; -1 while it runs.
   */
  #loopEndAt = -1

  /** Throws what `connect` throws. */
  constructor(owner: WorkerOwner<PoolWorker>, connect: Connect) {
    this.#owner = owner
    this.#channel = connect(this, owner.bufferPool)
    const { numbers, profiles, counters, bufferPool, memory } = owner
    this.#inits = new WorkerInits(owner.inits)
    this.#silence = new SilenceWatch(this.#tasks, this.#channel.control)
    const refused = (tasks: readonly Task[], errors: readonly unknown[]): void => {
      tasks.forEach((task, i) => {
        this.#free(task)
        task.reject(errors[i])
      })
      this.#rested()
    }
    const { transport } = this.#channel
    this.#sender = new Sender(
      transport,
      numbers,
      profiles,
      counters,
      bufferPool,
      memory !== undefined,
      refused,
    )
  }

  get isEmpty(): boolean {
    return this.#freeSlots.length === SLOTS
  }

  /** Number of tasks it holds. */
  get held(): number {
    return SLOTS - this.#freeSlots.length
  }

  /** Whether it can take this task now. */
  hasRoomFor(task: Task): boolean {
    if (
      !this.isReady ||
      this.isRetiring ||
      this.#suspect !== undefined ||
      this.#freeSlots.length === 0
    )
      return false
    if (task.call.init !== undefined && !this.#inits.hasRoomFor(task)) return false
    if (task.isSuspect) return this.load === 0
    const { ms, isGenerator, itemBytes, resultBytes } = this.#owner.profiles.of(task.op)
    if (isGenerator && this.#generators >= GENERATOR_SLOTS) return false
    if (this.load === 0) return true
    const silenceMs = this.#owner.silence.ms(clockMs)
    return this.load <= callsAhead(ms, itemBytes + resultBytes, silenceMs)
  }

  /** Gives it a task. All tasks of an event loop turn are sent together. */
  give(task: Task): void {
    const slot = this.#freeSlots.pop() as number
    this.#tasks[slot] = task
    task.worker = this
    task.slot = slot
    task.hasBegun = false
    task.isGenerator = this.#owner.profiles.of(task.op).isGenerator
    if (task.isGenerator) this.#generators++
    this.#setLoad(task, true)
    this.#loopEndAt = -1
    this.setAwaited(task, task.outputs?.isAwaited ?? true)
    if (++this.#given >= this.#owner.maxTasks) this.isRetiring = true
    if (task.isSuspect) this.#suspect = task
    this.#channel.control.reset(slot)
    if (task.call.init !== undefined) this.#inits.gave(task)
    if (task.call.timeoutMs !== undefined) this.#silence.gave(task)
    try {
      this.#sender.add(task)
    } catch (error) {
      this.#free(task)
      task.reject(this.#channel.transport.whyNot(task.item, 'item', error))
    }
  }

  /** Sets whether the caller waits for a result or output of the task. */
  setAwaited(task: Task, isAwaited: boolean): void {
    if (isAwaited === task.isAwaited) return
    task.isAwaited = isAwaited
    this.#awaited += isAwaited ? 1 : -1
    if (isAwaited) this.#setLoad(task, true)
    this.keepOrLetGo()
  }

  #setLoad(task: Task, isLoad: boolean): void {
    if (isLoad === task.isLoad) return
    // A suspect that rests until its reader asks for more leaves the worker to others: the reader
    // may wait for them.
    if (!isLoad && task === this.#suspect) this.#suspect = undefined
    if (isLoad && task.isSuspect && this.load === 0) this.#suspect = task
    task.isLoad = isLoad
    this.load += isLoad ? 1 : -1
  }

  /** The reader of a task's outputs has taken `count` of them. */
  took(task: Task, count: number): void {
    this.#loopEndAt = -1
    this.#sender.took(task.slot, count)
    this.keepOrLetGo()
  }

  /**
   * Aborts a held task: the worker gets a message, and is terminated if the task has not ended
   * after the grace time. `onFree` is called when the worker has finished with the task.
   */
  abort(task: Task, onFree?: () => void): void {
    if (onFree !== undefined) this.#onFree.set(task, onFree)
    this.setAwaited(task, false)
    this.#channel.control.abort(task.slot)
    this.#post(task.slot)
    this.#graces.set(
      task.slot,
      setTimeout(() => this.terminate(), this.#owner.graceMs),
    )
  }

  /** Takes no more tasks, and ends when all held tasks have ended. */
  retire(): void {
    this.isRetiring = true
    if (this.isEmpty) this.end()
  }

  /** Asks the worker to end. */
  end(): void {
    if (this.#isMeantToEnd) return
    this.#isMeantToEnd = true
    this.isRetiring = true
    this.keepOrLetGo()
    this.#post('close')
  }

  /** Ends the worker by force. */
  terminate(): void {
    this.#isMeantToEnd = true
    this.isRetiring = true
    this.keepOrLetGo()
    this.#channel.terminate()
  }

  #post(message: number | 'close'): void {
    this.#loopEndAt = -1
    this.#channel.transport.send(message)
  }

  onMessage(message: WorkerMessage): void {
    this.#silence.onMessage()
    if (message === 'ready') {
      this.isReady = true
      this.keepOrLetGo()
      this.#owner.workerReady()
      this.#owner.workerHasRoom()
    } else if (message === 'full') this.retire()
    else if (typeof message === 'number') {
      this.#loopEndAt = message
      this.keepOrLetGo()
    } else if ('refused' in message) {
      this.#isMeantToEnd = true
      this.isRetiring = true
      this.#owner.moduleRefused(message.module, fromWire(message.refused))
    } else this.#onResults(message)
  }

  #onResults(message: ResultMessage): void {
    this.#loopEndAt = -1
    const { shapes, results, busy, contextFree, bytes, allocated, initialised, extracted } = message
    reportSpans(this.#tasks, message)
    const { profiles, counters, silence } = this.#owner
    if (message.sentAt !== undefined) silence.note(sinceEpoch() - message.sentAt, clockMs())
    if (busy !== undefined || contextFree !== undefined) profiles.learn(busy, contextFree, bytes)
    if (shapes !== undefined) this.#shapes.learn(shapes)
    if (initialised !== undefined) this.#inits.called(initialised)
    if (bytes !== undefined) {
      counters.transferredBytes += bytes[0]
      counters.copiedBytes += bytes[1]
    }
    if (allocated !== undefined) this.#sender.allocated(allocated)
    if (results !== undefined) {
      this.#channel.transport.open(results as unknown[], extracted)
      for (let at = 0; at < results.length; ) {
        const head = results[at++] as number
        const kind = head >> ABOVE_FLAGS
        const leases =
          (head & HAS_LEASES) === 0 ? undefined : (results[at++] as readonly LeaseHandover[])
        let value = kind <= OUTPUT ? results[at++] : undefined
        if ((head & SHAPED) !== 0) {
          const shape = value as number
          value = this.#shapes.read(results, at, shape)
          at += this.#shapes.lengthOf(shape)
        }
        const task = this.#tasks[head & SLOT_OF_HEAD]
        if (task === undefined) continue
        if (leases === undefined) this.#onResult(task, kind, value)
        else this.#onLeased(task, value, leases)
      }
    }
    this.#rested()
  }

  #onResult(task: Task, kind: number, value: unknown): void {
    if (kind === OUTPUT) this.#onOutput(task, value)
    else if (kind === BEGINS) {
      if (!task.isSettled && !task.hasBegun) task.call.onStart?.()
      task.hasBegun = true
    } else this.#onEnd(task, kind, value)
  }

  /** Handles a result in shared memory. */
  #onLeased(task: Task, value: unknown, leases: readonly LeaseHandover[]): void {
    const { memory } = this.#owner
    const { itemMemory, isSettled } = task
    this.#free(task)
    if (memory === undefined) return
    try {
      if (isSettled) dropLeases(memory, leases, itemMemory)
      else takeLeases(memory, leases, itemMemory)
      task.resolve(value)
    } catch (error) {
      task.reject(error)
    }
  }

  #onEnd(task: Task, kind: number, value: unknown): void {
    this.#free(task)
    if (kind === OK) task.resolve(value)
    else if (kind === THREW) task.reject(fromWire(value as WireError, task.callerStack))
    else if (kind === DONE) {
      if (task.outputs === undefined && !task.isSettled) task.stream(new CallOutputs(task))
      task.finish()
    }
  }

  #onOutput(task: Task, value: unknown): void {
    if (task.isSettled) return
    let { outputs } = task
    if (outputs === undefined) {
      outputs = new CallOutputs(task)
      task.stream(outputs)
      this.#owner.profiles.of(task.op).isGenerator = true
      if (!task.isGenerator) this.#generators++
      task.isGenerator = true
      this.setAwaited(task, false)
    }
    outputs.push(value)
    if (!task.isAwaited) this.#setLoad(task, false)
  }

  /** Frees the slot of a task. */
  #free(task: Task): void {
    const { slot } = task
    this.#tasks[slot] = undefined
    this.#freeSlots.push(slot)
    this.#channel.transport.release(slot)
    this.#leave(task)
    if (this.#suspect === task) this.#suspect = undefined
    const grace = this.#graces.get(slot)
    if (grace === undefined) return
    clearTimeout(grace)
    this.#graces.delete(slot)
    const onFree = this.#onFree.get(task)
    this.#onFree.delete(task)
    onFree?.()
  }

  #leave(task: Task): void {
    task.worker = undefined
    this.setAwaited(task, false)
    this.#setLoad(task, false)
    if (task.isGenerator) this.#generators--
    task.isGenerator = false
  }

  /** Called when slots may have become free. */
  #rested(): void {
    if (this.isRetiring && this.isEmpty) this.end()
    this.#owner.workerHasRoom()
  }

  /**
   * A worker keeps the process alive only while a caller waits for a result or for room, and while
   * the worker starts or ends.
   */
  keepOrLetGo(): void {
    if (this.#isKept) {
      if (!this.#isReffed) this.#channel.setRef(true)
      this.#isReffed = true
    } else if (!this.#isLettingGo) {
      // Deferred, because the next call usually follows soon. The timer is unreferenced: the worker
      // keeps the process alive until it fires.
      this.#isLettingGo = true
      const timer = setTimeout(() => {
        this.#isLettingGo = false
        if (this.#isKept || !this.#isReffed || this.#hasEnded) return
        this.#isReffed = false
        this.#channel.setRef(false)
      }, LET_GO_MS)
      timer.unref()
    }
  }

  get #isKept(): boolean {
    if (!this.isReady || this.#isMeantToEnd) return true
    // A worker with nothing left to run sends nothing more unless it gets a message that it has not
    // received yet.
    if (this.#loopEndAt === this.#channel.transport.sent) return false
    return this.#awaited > 0 || this.#owner.hasWaiting
  }

  ended(exit: WorkerExit): void {
    this.#hasEnded = true
    this.#sender.close()
    this.#inits.close()
    this.#silence.stop()
    const wasReady = this.isReady
    this.isReady = false
    this.isRetiring = true
    for (const timer of this.#graces.values()) clearTimeout(timer)
    const begunSlots = this.#channel.control.begunSlots()
    this.#channel.control.close()
    const held = this.#tasks.filter((task) => task !== undefined)
    const suspects = new Set(this.#isMeantToEnd ? [] : this.#suspectsAmong(held, begunSlots))
    for (const task of held) this.#leave(task)
    this.#tasks.fill(undefined)
    for (const onFree of this.#onFree.values()) onFree()
    const wanted = held.filter((task) => !task.isSettled)
    this.#owner.workerEnded(this, {
      ...exit,
      wasReady,
      wasMeant: this.#isMeantToEnd,
      suspects: wanted.filter((task) => suspects.has(task)),
      others: wanted.filter((task) => !suspects.has(task)),
    })
  }

  /** The tasks that may have killed the worker. */
  #suspectsAmong(held: readonly Task[], begunSlots: ReadonlySet<number>): readonly Task[] {
    if (this.#suspect !== undefined) return [this.#suspect]
    const begun = held.filter((task) => begunSlots.has(task.slot))
    // A generator whose reader is behind has made its outputs and is idle.
    const busy = begun.filter((task) => task.isLoad)
    if (busy.length > 0) return busy
    // A worker that dies while idle was killed by something it did before, so all its tasks share
    // the blame.
    return begun.length > 0 ? begun : held
  }
}
