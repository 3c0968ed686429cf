import type { SourceConfig } from '../config.ts'
import type { Item, Origin } from '../item.ts'
import type { Steps } from '../open-source.ts'
import type { Book } from './book.ts'
import { firstFrom, type Progress } from './progress.ts'
import { type ResumableSource, resumableSource } from './resumable-source.ts'

/** What a source stage has to do, besides, where the run can be resumed: begin where there is something to be done, and keep book. */
export class SourceTracker {
  private readonly book: Book
  readonly #source: ResumableSource
  readonly #ordinal: number
  private progress: Progress
  /** Position of the next step. */
  private position = 0
  /** From one position to the next. */
  private readonly step: number

  /** `goOn`: called when {@link mayGive} may have become true. @throws `ERR_NOT_RESUMABLE` */
  constructor(book: Book, config: SourceConfig, ordinal: number, goOn: () => void) {
    this.book = book
    this.#source = resumableSource(config)
    this.step = this.#source.shard.worldSize
    this.#ordinal = ordinal
    book.add(ordinal, this.#source, goOn)
    this.progress = book.progressOf(ordinal, book.firstEpoch)
  }

  /** Where the items of the first epoch come from. */
  begin(): Origin {
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.book }
  }

  /** Begins with the first position that is not done. */
  open(signal: AbortSignal): Steps {
    const { low, epoch, isExhausted } = this.progress
    this.position = firstFrom(low, this.#source.shard)
    // The end of an epoch that is done is still to be told: other sources may not have come to it.
    if (isExhausted) return { next: () => ({ done: true, value: undefined }) }
    return this.#source.open(this.position, epoch, signal)
  }

  /** Whether the next item is not too far ahead of those at work. */
  mayGive(): boolean {
    return this.book.mayIssue(this.progress, this.position)
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
  give(value: unknown, origin: Origin): Item {
    const { position, progress } = this
    this.position += this.step
    const item = this.book.takeSpare(value, origin, position, progress)
    progress.born(item)
    return item
  }

  /** The epoch's end; where the items of the next come from, if there is one. */
  end(isContinuous: boolean): Origin | undefined {
    this.progress.ended(this.position)
    if (!isContinuous) return undefined
    this.progress = this.book.progressOf(this.#ordinal, this.progress.epoch + 1)
    this.position = 0
    return { source: this.#ordinal, epoch: this.progress.epoch, ledger: this.book }
  }
}
