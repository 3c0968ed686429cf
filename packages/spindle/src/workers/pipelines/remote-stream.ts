import type { PipelineState } from '../../engine/resume-state.ts'
import { SpindleError, TimeoutError } from '../../errors.ts'
import { clockMs } from '../../timers.ts'
import { dropLeases, takeLeases } from '../memory/call-memory.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { notResumable } from './hosted-pipeline.ts'
import { type IteratorState, noItem, RemoteNext, replaced } from './iterator-state.ts'
import type { PipelineChannel, PipelineChannelOwner } from './pipeline-channel.ts'
import type { RemoteMessage } from './pipeline-protocol.ts'
import { ITEM, NOTHING, ReceiveBuffer } from './receive-buffer.ts'
import { RemoteCommits } from './remote-commits.ts'
import { RemoteLifecycle } from './remote-lifecycle.ts'
import type { RemotePipelineOptions } from './remote-options.ts'
import { StatsRequests } from './stats-requests.ts'
import { fromWireFailure, toWireFailure, type WireFailure } from './wire-failure.ts'

type Result = IteratorResult<unknown, undefined>

/** How long a consumer takes arrived items without a turn of the event loop, in milliseconds. */
const SLICE_MS = 10

/**
 * The consumer's side of a remote pipeline: items in the order of arrival, one epoch after another,
 * for one iterator at a time. An iterator begins an epoch if there is no unfinished one. An epoch
 * that was left by `break` continues with the next iterator.
 */
export class RemoteStream implements PipelineChannelOwner {
  readonly lifecycle: RemoteLifecycle
  readonly stats: StatsRequests
  readonly #channel: PipelineChannel
  readonly #receiveBuffer: ReceiveBuffer
  /** Set if the pipeline can be resumed. */
  readonly #commits: RemoteCommits | undefined
  #requests = 0
  #reply: (RemoteMessage & { readonly kind: 'state' }) | undefined
  readonly #arena: SegmentPool | undefined
  /** The worker side's member number in the arena. */
  #member: number | undefined
  #iteratorState: IteratorState | undefined
  #pendingNexts: RemoteNext[] = []
  /** Number of the last epoch that was begun, and whether its end has not been taken yet. */
  #epoch = -1
  #isInEpoch = false
  #turnedAt = 0

  /** `open` starts the thread; `what` names in messages what runs there. */
  constructor(
    open: (owner: PipelineChannelOwner) => PipelineChannel,
    what: string,
    { signal, arena, build }: Pick<RemotePipelineOptions, 'signal' | 'arena' | 'build'>,
  ) {
    this.#arena = arena
    this.#channel = open(this)
    if (build?.resumable !== undefined && build.resumable !== false)
      this.#commits = new RemoteCommits(build.resumable, (committed) =>
        this.#channel.post({ kind: 'commit', committed, request: undefined }),
      )
    this.#receiveBuffer = new ReceiveBuffer((items) => {
      this.#channel.postTaken(items)
      if (this.#commits !== undefined)
        this.#channel.post({
          kind: 'commit',
          committed: this.#commits.unreported(),
          request: undefined,
        })
    })
    const awaited = (): void => this.#setRef()
    this.stats = new StatsRequests(this.#channel, awaited)
    this.lifecycle = new RemoteLifecycle(this.#channel, what, awaited)
    this.lifecycle.watch(signal, () => {
      this.#receiveBuffer.close()
      this.#pump()
    })
  }

  /** Begins an epoch unless one is unfinished. */
  begin(): void {
    if (this.#isInEpoch || this.lifecycle.isComplete) return
    this.#isInEpoch = true
    this.#channel.post({ kind: 'begin', epoch: ++this.#epoch })
  }

  /** The next item for an iterator, when it arrives. */
  next(iteratorState: IteratorState): Promise<Result> {
    if (iteratorState.isOver) return Promise.resolve({ done: true, value: undefined })
    try {
      this.#commits?.asked()
      this.#enter(iteratorState)
      const result = this.#pendingNexts.length === 0 ? this.#takeReady(iteratorState) : undefined
      if (result !== undefined) return Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#receiveBuffer.settle()
    return new Promise((resolve, reject) => {
      const giveUp = (pendingNext: RemoteNext): void => {
        this.#pendingNexts = this.#pendingNexts.filter((other) => other !== pendingNext)
        this.#setRef()
      }
      this.#pendingNexts.push(new RemoteNext(iteratorState, resolve, reject, giveUp))
      this.#setRef()
    })
  }

  /** The next item for an iterator. Blocks this thread until it arrives. */
  nextBlocking(iteratorState: IteratorState): Result {
    if (iteratorState.isOver) return { done: true, value: undefined }
    this.#commits?.asked()
    this.#enter(iteratorState)
    const until = clockMs() + iteratorState.timeoutMs
    for (;;) {
      const result = this.#take(iteratorState)
      if (result !== undefined) return result
      this.#receiveBuffer.settle()
      const message = this.#channel.wait(until - clockMs())
      if (message === undefined) throw noItem(iteratorState)
      if (message === 'gone') this.lifecycle.vanished()
      else this.#onMessage(message)
    }
  }

  /**
   * Commits an item.
   *
   * @throws `ERR_BAD_COMMIT`; `ERR_BAD_STATE`
   */
  commit(item: unknown): void {
    if (this.#commits === undefined) throw notResumable()
    this.#commits.commit(item)
  }

  /**
   * The resume state. Blocks this thread until the worker side answers.
   *
   * @throws `ERR_BAD_STATE`; `ERR_TIMEOUT` if there is no answer within `timeoutMs`
   */
  state(timeoutMs: number): PipelineState {
    if (this.#commits === undefined) throw notResumable()
    this.#reply = undefined
    // The answer to an earlier request that timed out may still arrive.
    const request = ++this.#requests
    if (this.lifecycle.isComplete) this.#noState()
    this.#channel.post({ kind: 'commit', committed: this.#commits.unreported(), request })
    const until = clockMs() + timeoutMs
    while (this.#reply === undefined) {
      const message = this.#channel.wait(until - clockMs())
      if (message === undefined)
        throw new TimeoutError(
          `state() got no answer from the worker within \`timeoutMs\` ${timeoutMs}: code blocks the worker's event loop. Give state() a larger \`timeoutMs\`, or move the blocking code to an executor`,
        )
      if (message === 'gone') this.lifecycle.vanished()
      else this.#onMessage(message)
      if (this.lifecycle.isComplete && this.#reply === undefined) this.#noState()
    }
    const { state, error } = this.#reply
    if (state === undefined) throw fromWireFailure(error as WireFailure)
    return state
  }

  #noState(): never {
    throw new SpindleError(
      'ERR_BAD_STATE',
      'state() was called after the thread or process ended, which loses its state: resume from the last saved state',
    )
  }

  /** An iterator takes no more items. */
  leave(iteratorState: IteratorState): void {
    iteratorState.isOver = true
    this.#receiveBuffer.settle()
    this.#pump()
  }

  /**
   * Makes this iterator the current one, at its first item. The previous one gets no more items.
   */
  #enter(iteratorState: IteratorState): void {
    if (iteratorState.isReplaced) throw replaced()
    if (iteratorState.hasBegun) return
    iteratorState.hasBegun = true
    const older = this.#iteratorState
    this.#iteratorState = iteratorState
    if (older !== undefined && !older.isOver) {
      older.isReplaced = true
      const pendingNexts = this.#pendingNexts
      this.#pendingNexts = []
      for (const pendingNext of pendingNexts) pendingNext.fail(replaced())
    }
    this.begin()
  }

  /**
   * An item that has arrived. Polls the port for it, unless polling has blocked the event loop for
   * a time slice.
   */
  #takeReady(iteratorState: IteratorState): Result | undefined {
    for (;;) {
      const result = this.#take(iteratorState)
      if (result !== undefined || clockMs() - this.#turnedAt > SLICE_MS) return result
      const message = this.#channel.poll()
      if (message === undefined) return undefined
      this.#onMessage(message)
    }
  }

  /**
   * Takes an arrived item, or the end.
   *
   * @throws the error that ended the stream, after all items.
   */
  #take(iteratorState: IteratorState): Result | undefined {
    const found = this.#receiveBuffer.take()
    if (found === ITEM) {
      this.#commits?.took(this.#receiveBuffer.item)
      return { done: false, value: this.#receiveBuffer.item }
    }
    if (found === NOTHING) {
      if (!this.lifecycle.isComplete) return undefined
      iteratorState.isOver = true
      this.lifecycle.throwFailure()
    } else {
      this.#isInEpoch = false
      this.#receiveBuffer.settle()
    }
    iteratorState.isOver = true
    return { done: true, value: undefined }
  }

  /** Handles a message that arrived on the event loop. */
  onMessage(message: RemoteMessage): void {
    this.#turnedAt = clockMs()
    this.#onMessage(message)
    this.#pump()
  }

  #onMessage(message: RemoteMessage): void {
    if (message.kind === 'items') this.#add(message)
    else if (message.kind === 'end') this.#receiveBuffer.addEnd()
    else if (message.kind === 'stats') this.stats.onMessage(message)
    else if (message.kind === 'state') {
      if (message.request === this.#requests) this.#reply = message
    } else if (message.kind === 'member') this.#member = message.member
    else this.lifecycle.onMessage(message)
  }

  #add({ items, refill, leases }: RemoteMessage & { readonly kind: 'items' }): void {
    if (this.#arena !== undefined && leases.length > 0) {
      try {
        if (this.#receiveBuffer.isClosed) dropLeases(this.#arena, leases)
        else takeLeases(this.#arena, leases)
      } catch (error) {
        // The module has given back memory that it had put into an item.
        this.lifecycle.onMessage({ kind: 'failed', failure: toWireFailure(error) })
        this.#receiveBuffer.isClosed = true
      }
    }
    this.#receiveBuffer.add(items, refill)
  }

  gone(exitCode: number, error: unknown): void {
    if (this.#member !== undefined) this.#arena?.reclaim(this.#member)
    this.lifecycle.gone(exitCode, error)
    this.stats.close()
    this.#pump()
  }

  /** Gives arrived items to waiting iterators. */
  #pump(): void {
    for (
      let pendingNext = this.#pendingNexts[0];
      pendingNext !== undefined;
      pendingNext = this.#pendingNexts[0]
    ) {
      try {
        const { iteratorState } = pendingNext
        const result = iteratorState.isOver
          ? ({ done: true, value: undefined } as const)
          : this.#take(iteratorState)
        if (result === undefined) break
        this.#pendingNexts.shift()
        pendingNext.settle(result)
      } catch (error) {
        this.#pendingNexts.shift()
        pendingNext.fail(error)
      }
    }
    if (this.#pendingNexts.length > 0) this.#receiveBuffer.settle()
    this.#setRef()
  }

  /** The process stays alive while a caller waits. */
  #setRef(): void {
    this.#channel.setRef(
      this.#pendingNexts.length > 0 || this.stats.isAwaited || this.lifecycle.isAwaited,
    )
  }
}
