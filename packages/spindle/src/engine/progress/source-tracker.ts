import type { SourceConfig } from '../config.ts'
import type { Item, SourceEpoch } from '../flow/item.ts'
import type { Steps } from '../flow/open-source.ts'
import type { Progress } from './progress.ts'
import { type ResumableSource, resumableSource } from './resumable-source.ts'
import type { ResumeTracker } from './resume-tracker.ts'

/** If more than this number of positions are done, the source starts anew after them. */
const WORTH_SEEKING = 64

const ENDED: Steps = { next: () => ({ done: true, value: undefined }) }

/**
 * The additional work of a source stage in a resumable run: it starts at the first position that is
 * not done, and tracks the items.
 */
export class SourceTracker {
  private readonly resumeTracker: ResumeTracker
  readonly #source: ResumableSource
  readonly #ordinal: number
  private progress: Progress
  /** Position of the next step. */
  private position = 0
  /** Distance between two positions. */
  private readonly step: number
  /** The last position that was found not to be done. */
  private openAt = -1
  /** Whether `position` has moved away from the position of the source. */
  private hasMoved = false

  /** `goOn`: called when {@link mayGive} may have become true. @throws `ERR_NOT_RESUMABLE` */
  constructor(
    resumeTracker: ResumeTracker,
    config: SourceConfig,
    ordinal: number,
    goOn: () => void,
  ) {
    this.resumeTracker = resumeTracker
    this.#source = resumableSource(config)
    this.step = this.#source.shard.worldSize
    this.#ordinal = ordinal
    resumeTracker.add(ordinal, this.#source, goOn)
    this.progress = resumeTracker.progressOf(ordinal, resumeTracker.firstEpoch)
    this.position = this.progress.low
  }

  /** The origin of the items of the first epoch. */
  begin(): SourceEpoch {
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.resumeTracker }
  }

  /** Opens the source at the first position that is not done. */
  open(signal: AbortSignal): Steps {
    const { epoch, isExhausted, hasGaps } = this.progress
    // The end of a finished epoch must still be reported, because other sources may not have
    // reached it.
    if (isExhausted) return ENDED
    this.hasMoved = false
    const steps = this.#source.open(this.position, epoch, signal)
    return hasGaps && this.#source.canSeek ? this.leaping(steps, epoch, signal) : steps
  }

  /** Whether the next item is within the allowed span of the items in progress. */
  mayGive(): boolean {
    if (this.progress.hasGaps && this.#source.canSeek) this.leap()
    return this.resumeTracker.mayIssue(this.progress, this.position)
  }

  /** Skips positions that earlier runs did, if there are many. */
  private leap(): void {
    if (this.position <= this.openAt) return
    this.openAt = this.progress.nextOpen(this.position)
    if (this.openAt - this.position <= WORTH_SEEKING * this.step) return
    this.hasMoved = true
    if (this.openAt !== Number.POSITIVE_INFINITY) this.position = this.openAt
  }

  /** Wraps an iterator so that it is opened anew after each jump. */
  private leaping(first: Steps, epoch: number, signal: AbortSignal): Steps {
    let steps = first
    return {
      next: () => {
        if (this.hasMoved) {
          const old = steps
          this.hasMoved = false
          const isOver = this.openAt === Number.POSITIVE_INFINITY
          steps = isOver ? ENDED : this.#source.open(this.position, epoch, signal)
          closeQuietly(old)
        }
        return steps.next()
      },
      return: (value) => steps.return?.(value),
    }
  }

  /** Whether the item of the last step was done in an earlier run. */
  get isDone(): boolean {
    return this.progress.isDone(this.position)
  }

  /** Skips the item of the last step. */
  skip(): void {
    if (!this.progress.isDone(this.position)) this.progress.close(this.position)
    this.position += this.step
  }

  /** Makes an item of the result of the last step. */
  give(value: unknown, origin: SourceEpoch): Item {
    const { position, progress } = this
    this.position += this.step
    const item = this.resumeTracker.makeItem(value, origin, position, progress)
    progress.born(item)
    return item
  }

  /** Ends the epoch. Returns the origin of the items of the next one, if there is one. */
  end(isContinuous: boolean): SourceEpoch | undefined {
    this.progress.ended(this.position)
    if (!isContinuous) return undefined
    this.progress = this.resumeTracker.progressOf(this.#ordinal, this.progress.epoch + 1)
    this.position = this.progress.low
    this.openAt = -1
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.resumeTracker }
  }
}

/** Closes an abandoned iterator and ignores its errors. */
function closeQuietly(steps: Steps): void {
  Promise.resolve()
    .then(() => steps.return?.())
    .catch(() => {})
}
