import type { StageConfig } from '../../../engine/config.ts'
import type { Executor } from '../../../engine/executor.ts'
import { boundaryAfter, type Item, ItemPool } from '../../../engine/flow/item.ts'
import type { TrackedItem } from '../../../engine/progress/pending-group.ts'
import { assembleStages } from '../../../engine/run/assemble.ts'
import type { GraphContext } from '../../../engine/stages/graph-context.ts'
import type { Stage } from '../../../engine/stages/stage.ts'
import type { BuildOptions, Logger, TaskHook } from '../../../engine/types.ts'
import { type ItemError, SpindleError, type StageFailure } from '../../../errors.ts'
import { clockMs } from '../../../timers.ts'
import { toWire } from '../../transport/wire-error.ts'
import {
  CANCEL,
  CREDIT,
  FAIL,
  FIELDS,
  FLUSH,
  FLUSHED,
  INPUT,
  ISOLATE,
  LETTER,
  type LoopEndNote,
  RESIZE,
  type RegionPlan,
  STAGE_FAILED,
  type ToWorker,
  WORKER_ENDED,
} from '../region-protocol.ts'
import { CountReader } from './counts.ts'
import { CreditedSink } from './credited-sink.ts'
import { InputQueue } from './input-queue.ts'
import { InputTracker } from './input-tracker.ts'
import type { MainChannel } from './main-channel.ts'
import { RegionBatcher, type ReportState } from './region-batcher.ts'

/**
 * The stages of a region in one of its workers, with their input queue, their sink and the reports
 * to the main side.
 */
export class NestedGraph implements GraphContext {
  readonly pipelineId: number
  readonly seed: number
  /** Not used: items here have pending groups. */
  readonly resumeTracker: undefined
  readonly itemPool: ItemPool = new ItemPool()
  readonly logger: Logger = { warn: () => {}, error: () => {} }
  /** Always true: the main side wants to know when the graph is idle. */
  readonly isDraining = true
  readonly batcher: RegionBatcher
  /** The main side has the user's `deadLetter`. */
  readonly mostLetters: undefined
  readonly #letters: UnansweredLetters | undefined
  readonly #stages: readonly Stage[]
  readonly #inputQueue: InputQueue
  readonly #exit: CreditedSink
  readonly #inputTracker: InputTracker
  readonly #counts: CountReader
  readonly #onEnd: () => void
  readonly #startedAt: number = clockMs()
  #unfinished: number
  #isFailing = false
  #isCancelled = false
  #received = 0
  #given = 0
  #workMs = 0
  #workingSince: number | undefined
  /** The value in the last report. */
  #wasQuiet = true

  /** `onEnd`: called when the graph was cancelled and nothing runs any more. */
  constructor(
    plan: RegionPlan,
    configs: readonly StageConfig[],
    port: MainChannel,
    onEnd: () => void,
  ) {
    this.pipelineId = plan.pipelineId
    this.seed = plan.seed
    this.#onEnd = onEnd
    if (plan.mostLetters !== undefined) this.#letters = new UnansweredLetters(plan.mostLetters)
    this.batcher = new RegionBatcher(port, plan.firstId - 1, (isTurnOver) =>
      this.#state(isTurnOver),
    )
    this.#inputTracker = new InputTracker({
      send: (...entries) => this.batcher.send(...entries),
      gave: () => {
        this.#given++
      },
    })
    this.#inputQueue = new InputQueue(() => this.batcher.flushSoon())
    const options: BuildOptions = { tune: plan.isTuned ? 'continuous' : 'off' }
    const { stages, exit } = assembleStages(
      this.#inputQueue.queue,
      configs,
      options,
      this,
      plan.firstId,
    )
    this.#stages = stages
    this.#unfinished = stages.length
    this.#counts = new CountReader(stages)
    this.#exit = new CreditedSink(exit, {
      take: (item) => this.#inputTracker.gives(item as TrackedItem),
      flushed: () => this.batcher.sendLast([FLUSHED]),
      ended: () => this.batcher.send([WORKER_ENDED]),
    })
    for (const stage of stages) stage.open()
  }

  /** Executes a message of the main side. */
  onMessage(message: ToWorker): void {
    this.#workingSince ??= clockMs()
    this.#received++
    for (let at = 0; at < message.length; at += 1 + (FIELDS[message[at] as number] as number)) {
      const code = message[at]
      const field = message[at + 1]
      if (code === INPUT) this.#take(message.slice(at + 1, at + 8))
      else if (code === CREDIT) this.#exit.grant(field as number)
      else if (code === FLUSH) this.#inputQueue.put(boundaryAfter(this.#inputTracker.lastOrigin))
      else if (code === FAIL) this.#fail(field as number)
      else if (code === ISOLATE) this.#inputTracker.isIsolating = field as boolean
      else if (code === CANCEL) this.#cancel(field as boolean)
      else if (code === LETTER) this.#letters?.answered()
      else if (code === RESIZE) this.#resize(field as number, message[at + 2] as number)
    }
    this.#inputQueue.pump()
    this.batcher.flushSoon()
  }

  #resize(stage: number, concurrency: number): void {
    this.#stages.find(({ info }) => info.id === stage)?.resize(concurrency)
  }

  get elapsedMs(): number {
    return clockMs() - this.#startedAt
  }

  /** Whether calls are pending that only this worker can end. */
  get isWaiting(): boolean {
    return !this.#stages.every((stage) => stage.isResting)
  }

  /** The note for the main side when nothing is left to run here and calls are pending. */
  get loopEnd(): LoopEndNote {
    return {
      loopEnd: this.#received,
      pending: this.#stages.flatMap((stage) => stage.pendingWork ?? []),
    }
  }

  #take(fields: readonly unknown[]): void {
    const [seq, value, source, epoch, index, positions, covered] = fields as readonly [
      number,
      unknown,
      number,
      number,
      number,
      readonly number[] | undefined,
      readonly string[] | undefined,
    ]
    const origin = this.#inputTracker.origin(source, epoch)
    this.#inputQueue.put(this.#inputTracker.born({ seq, value, origin, index, positions, covered }))
  }

  #fail(id: number): void {
    this.#isFailing = true
    this.#stages
      .find((stage) => stage.info.id === id)
      ?.fail(new DOMException('the stage failed elsewhere', 'AbortError'), -1)
  }

  #cancel(abort: boolean): void {
    this.#isCancelled = true
    this.#letters?.giveUp()
    this.#inputQueue.cancel()
    for (const stage of this.#stages) stage.cancel(abort)
    this.#endIfOver()
  }

  #state(isTurnOver: boolean): ReportState {
    // In the middle of a turn the graph never counts as idle, because callers up the call stack
    // continue.
    const isResting =
      isTurnOver && this.#inputQueue.isResting && this.#stages.every((stage) => stage.isResting)
    const isEmpty =
      isResting &&
      this.#inputQueue.isEmpty &&
      this.#stages.every((stage) => stage.exits.every(isUnused))
    this.#wasQuiet = isEmpty
    if (this.#workingSince !== undefined) {
      const now = clockMs()
      this.#workMs += now - this.#workingSince
      this.#workingSince = isResting ? undefined : now
    }
    const histograms = this.#counts.readHistograms(isResting)
    return {
      received: this.#received,
      taken: this.#inputQueue.taken,
      given: this.#given,
      isResting,
      isEmpty,
      workMs: this.#workMs,
      entangled: this.#inputTracker.entangled,
      counts: this.#counts.read(),
      histograms,
      levels: histograms === undefined ? undefined : this.#counts.readLevels(),
    }
  }

  // --- events of the stages

  get threads(): Executor {
    throw new SpindleError('ERR_BAD_STATE', 'ops of a region run in its workers')
  }

  hooksOf(): readonly TaskHook[] {
    return []
  }

  stageStarted(): void {}

  stageFailed(stage: Stage, failure: StageFailure): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.batcher.send([STAGE_FAILED, stage.info.id, failure.index, toWire(failure.cause)])
  }

  stageEnded(): void {
    this.#unfinished--
    this.#endIfOver()
  }

  /** Ends a cancelled graph when nothing runs any more and its generators are cleaned up. */
  #endIfOver(): void {
    if (!this.#isCancelled || this.#unfinished > 0) return
    const closings = this.#stages.flatMap((stage) => [...stage.closings])
    if (closings.length === 0) this.#onEnd()
    else void Promise.allSettled(closings).then(this.#onEnd)
  }

  itemFailed(stage: Stage, failure: ItemError, item: Item): Promise<void> | undefined {
    if (!this.#inputTracker.failed(stage.info.id, failure, item)) return undefined
    return this.#letters?.sent()
  }

  rested(): void {
    if (!this.#wasQuiet) this.batcher.flushSoon()
  }
}

function isUnused({ length }: { readonly length: number }): boolean {
  return length === 0
}

/**
 * Failed items that were reported and not yet passed to the user's `deadLetter`. Above the bound,
 * each keeps the slot of its task until an earlier one is answered.
 */
class UnansweredLetters {
  readonly #most: number
  #count = 0
  #isGivenUp = false
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** Notes a reported item. Returns a promise if its task has to wait. */
  sent(): Promise<void> | undefined {
    this.#count++
    if (this.#count <= this.#most || this.#isGivenUp) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The main side has passed one on. */
  answered(): void {
    this.#count--
    this.#waiting.shift()?.()
  }

  /** Releases all waiting tasks after a cancellation. */
  giveUp(): void {
    this.#isGivenUp = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
