import { SpindleError } from '../../errors.ts'
import { absorb, EXPANDING } from '../flow/item.ts'
import type { Queue } from '../flow/queue.ts'
import { type StageWorkers, workersOf } from '../stats/stage-workers.ts'
import { TaskTimer, type Timing } from '../stats/task-timer.ts'
import type { Range } from '../tuned.ts'
import type { StageInfo } from '../types.ts'
import type { GeneratorRun } from './generator-run.ts'
import type { GraphContext } from './graph-context.ts'
import type { MeasuredStage } from './measured-stage.ts'
import type { PipeSettings } from './pipe-settings.ts'
import { CANCELLED, FAILING, RUNNING } from './stage.ts'
import { TaskStage } from './task-stage.ts'

/**
 * A stage whose op may return a generator. The task continues until the last output, and each
 * output waits for its own place.
 */
export abstract class FlatMapStage extends TaskStage {
  readonly settings: PipeSettings
  /** Maximum number of results, in progress and waiting together. */
  protected limit: number
  protected readonly isBoundedInBytes: boolean
  protected readonly generatorRuns: GeneratorRuns = new GeneratorRuns()
  private readonly outputTimer: TaskTimer = new TaskTimer()
  private outputsAsked = 0
  /** Number of generators that wait for room or for earlier ones, and whether any ever has. */
  protected resting = 0
  private hasRested = false

  constructor(info: StageInfo, graph: GraphContext, input: Queue, settings: PipeSettings) {
    super(info, graph, input, settings)
    this.settings = settings
    this.limit = settings.concurrency + settings.buffer
    this.isBoundedInBytes = settings.maxBytes !== undefined
  }

  override get callsOps(): boolean {
    return true
  }

  override get lastCalls(): readonly MeasuredStage[] {
    return [this]
  }

  override get workers(): StageWorkers | undefined {
    const { executorOf } = this.settings
    return executorOf === undefined ? undefined : workersOf(executorOf())
  }

  override get code(): unknown {
    return this.settings.code
  }

  override get runsElsewhere(): boolean {
    return this.settings.runsElsewhere
  }

  override get reportsStart(): boolean {
    return this.settings.reportsStart
  }

  override get range(): Range | undefined {
    return this.settings.range
  }

  /**
   * Sets the maximum number of calls in flight. If it grows, more calls begin at once when there
   * are items. If it shrinks, none begins until enough calls have ended.
   */
  override resize(concurrency: number): void {
    this.setCalls(concurrency, this.bridging)
  }

  /**
   * Allows more calls than were set, within the range if there is one: while the loop is often
   * silent, since calls that end during a silence are followed by none; and for an executor that
   * waits for many calls before it begins them.
   */
  override bridge(calls: number): void {
    this.setCalls(this.concurrency - this.bridging, calls)
  }

  private setCalls(concurrency: number, bridging: number): void {
    const most = this.range?.max ?? Number.POSITIVE_INFINITY
    this.bridging = Math.max(0, Math.min(bridging, most - concurrency))
    const all = concurrency + this.bridging
    if (all === this.concurrency) return
    this.resized(all)
    this.limit = all + this.exit.capacity
    this.goOn()
  }

  /** Sets the capacity of the exit queue. Items queued above it stay and hold slots. */
  override resizeBuffer(places: number): void {
    if (places === this.exit.capacity) return
    this.exit.resize(places)
    this.limit = this.concurrency + places
    this.goOn()
  }

  /** Continues after a limit has changed. */
  private goOn(): void {
    if (this.state !== RUNNING) return
    this.generatorRuns.resume()
    if (this.boundary === undefined && this.input.length > 0) this.pump()
  }

  protected override get busy(): number {
    return this.running - this.generatorRuns.resting
  }

  /** Outputs the results of a generator. Its task ends with the last one. */
  expand(generatorRun: GeneratorRun): void {
    if (this.state > RUNNING && (this.state !== FAILING || this.reorderBuffer !== undefined)) {
      generatorRun.close()
      this.running--
      this.tracer?.end(generatorRun.item, false)
      if (this.state === CANCELLED && this.running === 0) this.rest()
      return
    }
    this.generatorRuns.add(generatorRun)
    if (this.reorderBuffer !== undefined) {
      generatorRun.item.value = generatorRun
      this.reorderBuffer.settle(generatorRun.item, EXPANDING)
    } else generatorRun.advance()
  }

  /** Whether there is a place for one more output of a generator that already holds a slot. */
  hasPlaceForOutput(generatorRun: GeneratorRun): boolean {
    if (this.isBoundedInBytes && !this.exit.hasRoomInBytes()) return false
    // After the limit was lowered, more calls than it allows may be running. They must continue, or
    // none of them would ever end.
    const running = Math.min(this.running, this.concurrency)
    if (this.reorderBuffer === undefined)
      return running + this.held + this.exit.length <= this.limit
    // In input order, the first generator must not wait for later ones, which hold one output each.
    if (this.reorderBuffer.isFirst(generatorRun.item)) return this.exit.length <= this.exit.capacity
    return this.running + this.held + this.exit.length < this.limit
  }

  /** Begins the timing of an output, if it is one that is timed. */
  timeOutput(): Timing | undefined {
    const count = this.outputsAsked++
    return this.outputTimer.isDue(count) ? this.outputTimer.begin(count) : undefined
  }

  /** Requests a timed output from a generator. */
  callTimed<R>(timing: Timing, next: () => R): R {
    return this.outputTimer.call(timing, next, this.callScope)
  }

  outputReturned(timing: Timing): void {
    this.outputTimer.returned(timing, this.counters)
  }

  /**
   * Ends the timing of an output. `isOk` is false for the generator's end, because the time after
   * the last output belongs to no output.
   */
  outputTimed(timing: Timing, isOk: boolean): void {
    this.outputTimer.end(timing, this.counters, isOk)
  }

  /** Counts the waiting time of an untimed output that was a promise, or of the generator's end. */
  outputCame(askedAt: number, isOutput: boolean): void {
    this.outputTimer.came(askedAt, this.counters, isOutput)
  }

  /** A generator begins to wait for room (1) or stops waiting (-1). */
  rests(change: 1 | -1): void {
    this.hasRested = true
    this.resting += change
    this.noteBlocked()
  }

  /** With generators: those that wait for room, and the slots in which no call may begin. */
  protected override get slotsBlocked(): number {
    if (!this.hasRested) return super.slotsBlocked
    const above = this.held + this.exit.length - this.exit.capacity
    return this.resting + Math.max(0, Math.min(this.info.concurrency - this.running, above))
  }

  override get blockedMs(): number {
    // While the exit queue is full in bytes, no call begins.
    const inBytes = this.isBoundedInBytes
      ? this.info.concurrency * this.exit.times().bytesFullMs
      : 0
    return Math.max(inBytes, this.hasRested ? this.notedBlockedMs : super.blockedMs)
  }

  /** Adds a generator that waits for a place. */
  park(generatorRun: GeneratorRun): void {
    this.generatorRuns.park(generatorRun)
  }

  /** Whether the stage has dropped this generator run, which then ends by itself. */
  isOver(generatorRun: GeneratorRun): boolean {
    return !this.generatorRuns.has(generatorRun)
  }

  /** Called after a generator's last output. */
  expanded(generatorRun: GeneratorRun): void {
    if (generatorRun.isSilent) this.counters.endedSilently(1)
    this.generatorRuns.delete(generatorRun)
    this.tracer?.end(generatorRun.item, true)
    this.signalled?.delete(generatorRun.item)
    this.running--
    absorb(generatorRun.item)
    this.reorderBuffer?.release()
    if (this.reorderBuffer === undefined) this.countCall(generatorRun.item.index)
    this.proceed()
  }

  /** Called when a generator threw. */
  expansionFailed(generatorRun: GeneratorRun, error: unknown, attempts: number): void {
    this.generatorRuns.delete(generatorRun)
    if (this.reorderBuffer === undefined) {
      this.taskFailed(generatorRun.item, generatorRun.input, error, attempts)
    } else {
      this.running--
      this.tracer?.end(generatorRun.item, false)
      this.signalled?.delete(generatorRun.item)
      if (!this.brokeDown(generatorRun.item, error)) {
        generatorRun.failure = this.noteFailure(
          generatorRun.item,
          generatorRun.input,
          error,
          attempts,
          this.keepSlot,
        )
        this.reorderBuffer.release()
      }
    }
    this.proceed()
  }
}

/** The generator runs of a stage, and those that wait for a place. */
class GeneratorRuns {
  private readonly all: Set<GeneratorRun> = new Set()
  private parked: GeneratorRun[] = []

  add(generatorRun: GeneratorRun): void {
    this.all.add(generatorRun)
  }

  delete(generatorRun: GeneratorRun): void {
    this.all.delete(generatorRun)
  }

  /** Whether a generator's outputs are still needed. */
  has(generatorRun: GeneratorRun): boolean {
    return this.all.has(generatorRun)
  }

  /** How many wait only for a place or their turn. */
  get resting(): number {
    return [...this.all].filter((generatorRun) => generatorRun.isResting).length
  }

  /** Those whose generator has not answered the last request. */
  get waiting(): readonly GeneratorRun[] {
    return [...this.all].filter((generatorRun) => !generatorRun.isResting)
  }

  /** Adds a run that waits for a place. */
  park(generatorRun: GeneratorRun): void {
    this.parked.push(generatorRun)
  }

  /** Resumes the waiting runs, first come, first served, when there may be places. */
  resume(): void {
    if (this.parked.length === 0) return
    const parked = this.parked
    this.parked = []
    for (const generatorRun of parked) generatorRun.advance()
  }

  /** Closes all runs. Returns how many there were. */
  close(): number {
    const closed = [...this.all]
    this.all.clear()
    this.parked = []
    for (const generatorRun of closed) generatorRun.close()
    return closed.length
  }
}

/** The op of `disaggregate()`: a generator of the elements of an item. */
export function elementsOf(items: unknown): Generator<unknown> | AsyncGenerator<unknown> {
  const candidate = items as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined
  if (typeof candidate?.[Symbol.iterator] === 'function')
    return elements(candidate as Iterable<unknown>)
  if (typeof candidate?.[Symbol.asyncIterator] === 'function')
    return asyncElements(candidate as AsyncIterable<unknown>)
  throw new SpindleError(
    'ERR_NOT_ITERABLE',
    `disaggregate() needs items that can be iterated, got ${typeof items}`,
  )
}

function* elements(items: Iterable<unknown>): Generator<unknown> {
  yield* items
}

async function* asyncElements(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* items
}
