import type { PipelineState } from '../../../engine/resume-state.ts'
import type { StopMode } from '../../../engine/run/stop.ts'
import { UnfinishedError } from '../../../engine/run/unfinished.ts'
import { noTuning } from '../../../engine/tuned.ts'
import { messageOf, SpindleError } from '../../../errors.ts'
import { setImmediate } from '../../../timers.ts'
import { SegmentPool } from '../../memory/segment-pool.ts'
import { type Lifeline, LoopEnd } from '../../supervise/loop-end.ts'
import { onRefused } from '../../supervise/nesting.ts'
import { markTsx } from '../../supervise/worker-modules.ts'
import { isMovable } from '../../transport/movable.ts'
import { copyAll, moveAll } from '../../transport/pack.ts'
import { type HostedPipeline, noStats } from '../hosted-pipeline.ts'
import type { ConsumerMessage, RemoteMessage, StartMessage } from '../pipeline-protocol.ts'
import { toWireFailure, toWireItemError, type WireFailure } from '../wire-failure.ts'
import { toWireStats } from '../wire-stats.ts'
import { ArenaSender } from './arena-sender.ts'
import { HostedBuilder } from './hosted-builder.ts'
import { HostedIterable } from './hosted-iterable.ts'
import { ItemBatcher, type ItemChannel } from './item-batcher.ts'
import { loadBuilder, loadIterable } from './load-export.ts'

/** Sends to the consumer, and controls the life of the thread or process. */
export interface ConsumerChannel extends ItemChannel {
  send(message: RemoteMessage): void
  /** The user's code has begun to run here. */
  working(): void
  /** What keeps the thread or process alive while it waits for the consumer. */
  readonly lifeline: Lifeline
  /** None of the user's code runs any more: the thread or process ends. */
  atRest(): void
}

/**
 * Runs a hosted pipeline in this thread or process. If the thread or process ends early, the
 * consumer gets a message.
 */
export function runEpochs(
  channel: ConsumerChannel,
  startMessage: StartMessage,
  hasTsx: boolean,
): EpochRunner {
  if (hasTsx) markTsx()
  let uncaught: unknown
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = error
  })
  const runner = new EpochRunner(channel, startMessage)
  process.on('exit', (code) => runner.lastWords(`exit code ${code}`, uncaught))
  return runner
}

/**
 * The worker side: runs one epoch after another when the consumer requests it.
 *
 *   LOADING --> (waits for 'begin' --> RUNNING an epoch --> sends 'end') again and again
 *      '--------------'---------------------'--- fails: sends 'failed' --> at rest
 *      '--------------'---------------------'--- 'stop': sends 'stopped' --> at rest
 */
export class EpochRunner {
  readonly #channel: ConsumerChannel
  readonly #startMessage: StartMessage
  readonly #arena: SegmentPool | undefined
  readonly #batcher: ItemBatcher
  #hosted: HostedPipeline | undefined
  #begun = -1
  #isOver = false
  #isStopping = false
  /** What this side is waiting for in the user's code, if it waits for nothing else. */
  #waitsFor: 'the module' | 'the items' | undefined = 'the module'
  readonly #loopEnd: LoopEnd
  #wake: (() => void) | undefined
  readonly #loading: Promise<void>
  readonly #running: Promise<void>

  constructor(channel: ConsumerChannel, startMessage: StartMessage) {
    this.#channel = channel
    this.#startMessage = startMessage
    const { arena, bufferSize, moves } = startMessage
    this.#arena = arena === undefined ? undefined : SegmentPool.attach(arena)
    this.#batcher = new ItemBatcher(channel, {
      bufferSize,
      mayMove: { all: moveAll, marked: isMovable, none: copyAll }[moves],
      arena: this.#arena === undefined ? undefined : new ArenaSender(this.#arena),
      onError: (error) => void this.#fail(error),
      onFull: () => this.#loopEnd.stay(),
    })
    this.#loopEnd = new LoopEnd(
      channel.lifeline,
      () => this.#isWaiting,
      () => this.#atLoopEnd(),
    )
    onRefused((error) => void this.#fail(error))
    this.#loading = this.#load()
    this.#running = this.#run()
    this.#loopEnd.checkSoon()
  }

  /** Whether it waits for the user's code and not for the consumer. */
  get #isWaiting(): boolean {
    return (
      this.#waitsFor !== undefined && !this.#isOver && !this.#isStopping && this.#batcher.hasRoom
    )
  }

  /** Nothing is left to run here. Pipelines detect this themselves. */
  #atLoopEnd(): void {
    if (this.#waitsFor === 'the items' && this.#startMessage.kind === 'pipeline') return
    const { href, exportName = 'default' } = this.#startMessage
    const what =
      this.#waitsFor === 'the module'
        ? `has not been made by ${href}`
        : 'has not given its next item'
    void this.#fail(new UnfinishedError([{ stage: exportName, where: undefined, items: [], what }]))
  }

  onMessage(message: ConsumerMessage): void {
    if (message.kind === 'taken') this.#batcher.took(message.items)
    else if (message.kind === 'begin') {
      this.#begun = message.epoch
      this.#wake?.()
    } else if (message.kind === 'stats') this.#sendStats(message.request)
    else if (message.kind === 'commit') this.#committed(message)
    else if (message.kind === 'stop') void this.stop(message.mode, message.timeoutMs)
    this.#loopEnd.checkSoon()
  }

  #committed({ committed, request }: ConsumerMessage & { readonly kind: 'commit' }): void {
    this.#hosted?.commit(committed)
    if (request === undefined) return
    let state: PipelineState | undefined
    let failure: WireFailure | undefined
    try {
      state = (this.#hosted ?? notBegun()).state()
    } catch (error) {
      failure = toWireFailure(error)
    }
    this.#channel.send({ kind: 'state', request, state, error: failure })
  }

  /**
   * Sends the items that are ready, and the reason why no more will come. Called when the thread or
   * process ends unexpectedly.
   */
  lastWords(how: string, error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    try {
      this.#batcher.flush()
    } catch {} // an item cannot be sent, and no caller is left for the error
    try {
      const failure = error === undefined ? undefined : toWireFailure(error)
      this.#channel.send({ kind: 'died', how, error: failure })
    } catch {
      this.#channel.send({ kind: 'died', how: `${how}: ${messageOf(error)}`, error: undefined })
    }
  }

  async #load(): Promise<void> {
    this.#channel.working()
    const { kind, build } = this.#startMessage
    const context = { arena: this.#arena }
    // If the thread dies, its allocations are identified by this number.
    if (this.#arena !== undefined)
      this.#channel.send({ kind: 'member', member: this.#arena.member })
    this.#hosted =
      kind === 'pipeline'
        ? new HostedBuilder(await loadBuilder(this.#startMessage, context), build, this.#batcher)
        : new HostedIterable(await loadIterable(this.#startMessage, context), this.#batcher)
  }

  async #run(): Promise<void> {
    try {
      await this.#loading
      this.#waitFor(undefined)
      this.#channel.send({ kind: 'ready' })
      const hosted = this.#hosted as HostedPipeline
      for (let epoch = 0; await this.#isWanted(hosted.isContinuous ? epoch - 1 : epoch); epoch++) {
        this.#waitFor('the items')
        await hosted.runEpoch()
        this.#waitFor(undefined)
        this.#batcher.flush()
        this.#channel.send({ kind: 'end' })
      }
    } catch (error) {
      await this.#fail(error)
    }
  }

  #waitFor(what: 'the items' | undefined): void {
    this.#waitsFor = what
    if (what === undefined) this.#loopEnd.stay()
    else this.#loopEnd.checkSoon()
  }

  /** Waits until the consumer has begun this epoch. Returns false after a stop. */
  async #isWanted(epoch: number): Promise<boolean> {
    // A continuous pipeline also begins only with the first iteration.
    while (this.#begun < Math.max(0, epoch) && !this.#isStopping) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return !this.#isStopping
  }

  /** Sends the items that are ready and then the failure, and ends. */
  async #fail(error: unknown): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    let reason = error
    try {
      this.#batcher.flush()
    } catch (unsendable) {
      reason = unsendable
    }
    // While a stop is in progress, the stop ends everything.
    const isStopping = this.#isStopping
    this.#isStopping = true
    this.#sendStats(undefined)
    this.#sendFailure(reason)
    if (isStopping) return
    this.#batcher.lift()
    await this.#hosted?.stop('abort', undefined).catch(() => {})
    this.#channel.atRest()
  }

  #sendFailure(reason: unknown): void {
    try {
      this.#channel.send({ kind: 'failed', failure: toWireFailure(reason) })
    } catch {
      // An error can contain values that can be sent to a thread but not to a process.
      const failure = toWireFailure(new SpindleError('ERR_NOT_TRANSFERABLE', messageOf(reason)))
      this.#channel.send({ kind: 'failed', failure })
    }
  }

  /**
   * Stops the pipeline. When nothing runs any more, the consumer gets the items that are ready and
   * then a message. A second stop shortens the first.
   */
  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    if (this.#isStopping) return this.#hosted?.stop(mode, timeoutMs).catch(() => {})
    this.#isStopping = true
    this.#wake?.()
    await this.#loading.catch(() => {})
    // The rest may exceed the consumer's limit: it is no more than the queues hold.
    this.#batcher.lift()
    let error: unknown
    await this.#hosted?.stop(mode, timeoutMs).catch((reason: unknown) => {
      error = reason
    })
    // The clean-up of an iterable may never end.
    await Promise.race([this.#running, new Promise((resolve) => setImmediate(resolve))])
    if (!this.#isOver) {
      this.#isOver = true
      this.#batcher.flush()
    }
    this.#sendStats(undefined)
    this.#channel.send({
      kind: 'stopped',
      error: error === undefined ? undefined : toWireFailure(error),
    })
    this.#channel.atRest()
  }

  #sendStats(request: number | undefined): void {
    const hosted = this.#hosted
    const failures = (hosted?.failures() ?? []).map(toWireItemError)
    const stats = toWireStats(hosted?.stats() ?? noStats)
    const tuning = hosted?.tuning() ?? noTuning
    this.#channel.send({ kind: 'stats', request, stats, failures, tuning })
  }
}

function notBegun(): never {
  throw new SpindleError('ERR_BAD_STATE', 'the pipeline has not started, so it has no state yet')
}
