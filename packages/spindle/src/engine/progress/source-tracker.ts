import type { SourceConfig } from '../config.ts'
import type { Item, SourceEpoch } from '../flow/item.ts'
import type { Steps } from '../flow/open-source.ts'
import type { Progress } from './progress.ts'
import { type ResumableSource, resumableSource } from './resumable-source.ts'
import type { ResumeTracker } from './resume-tracker.ts'

/** More positions than this that are done, and the source is begun anew behind them. */
const WORTH_SEEKING = 64

const ENDED: Steps = { next: () => ({ done: true, value: undefined }) }

/**
 * What a source stage has to do, besides, where the run can be resumed: begin where there is
 * something to be done, and keep book.
 */
export class SourceTracker {
  private readonly book: ResumeTracker
  readonly #source: ResumableSource
  readonly #ordinal: number
  private progress: Progress
  /** Position of the next step. */
  private position = 0
  /** From one position to the next. */
  private readonly step: number
  /** The last position that was found not to be done before. */
  private openAt = -1
  /** Whether `position` is not where the source is. */
  private hasMoved = false

  /** `goOn`: called when {@link mayGive} may have become true. @throws `ERR_NOT_RESUMABLE` */
  constructor(book: ResumeTracker, config: SourceConfig, ordinal: number, goOn: () => void) {
    this.book = book
    this.#source = resumableSource(config)
    this.step = this.#source.shard.worldSize
    this.#ordinal = ordinal
    book.add(ordinal, this.#source, goOn)
    this.progress = book.progressOf(ordinal, book.firstEpoch)
    this.position = this.progress.low
  }

  /** Where the items of the first epoch come from. */
  begin(): SourceEpoch {
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.book }
  }

  /** Begins with the first position that is not done. */
  open(signal: AbortSignal): Steps {
    const { epoch, isExhausted, hasGaps } = this.progress
    // The end of an epoch that is done is still to be told: other sources may not have come to it.
    if (isExhausted) return ENDED
    this.hasMoved = false
    const steps = this.#source.open(this.position, epoch, signal)
    return hasGaps && this.#source.canSeek ? this.leaping(steps, epoch, signal) : steps
  }

  /** Whether the next item is not too far ahead of those at work. */
  mayGive(): boolean {
    if (this.progress.hasGaps && this.#source.canSeek) this.leap()
    return this.book.mayIssue(this.progress, this.position)
  }

  /** Leaves out what earlier runs did, if that is much. */
  private leap(): void {
    if (this.position <= this.openAt) return
    this.openAt = this.progress.nextOpen(this.position)
    if (this.openAt - this.position <= WORTH_SEEKING * this.step) return
    this.hasMoved = true
    if (this.openAt !== Number.POSITIVE_INFINITY) this.position = this.openAt
  }

  /** Steps that begin anew where the next position is not the one that follows. */
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

  /** Whether what the last step gave was done in an earlier run. */
  get isDone(): boolean {
    return this.progress.isDone(this.position)
  }

  /** The last step gave nothing that is wanted. */
  skip(): void {
    if (!this.progress.isDone(this.position)) this.progress.close(this.position)
    this.position += this.step
  }

  /** What the last step gave, as an item. */
  give(value: unknown, origin: SourceEpoch): Item {
    const { position, progress } = this
    this.position += this.step
    const item = this.book.takeSpare(value, origin, position, progress)
    progress.born(item)
    return item
  }

  /** The epoch's end; where the items of the next come from, if there is one. */
  end(isContinuous: boolean): SourceEpoch | undefined {
    this.progress.ended(this.position)
    if (!isContinuous) return undefined
    this.progress = this.book.progressOf(this.#ordinal, this.progress.epoch + 1)
    this.position = this.progress.low
    this.openAt = -1
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.book }
  }
}

/** What is given up has failed for nobody. */
function closeQuietly(steps: Steps): void {
  Promise.resolve()
    .then(() => steps.return?.())
    .catch(() => {})
}
