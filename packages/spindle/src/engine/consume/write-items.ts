import { clearInterval, setInterval } from '../../timers.ts'
import type { PipelineState } from '../resume-state.ts'
import type { SinkWriter, WriteProgress } from '../sink.ts'

/** The part of a pipeline that writes into a sink. */
export interface WritingPipeline<T> {
  forEach(consume: (item: T) => unknown): Promise<void>
  /** State of the items that were consumed before; `undefined` if the run has no states. */
  takeState(): PipelineState | undefined
  /** Whether the pipeline was stopped, so that items may be missing. */
  isCut(): boolean
}

const PROGRESS_MS = 1000

/** Counts what is written, and tells the user now and then. */
export class WriteMeter {
  items = 0
  /** Whether the user is told with the next item. */
  isDue = false
  readonly #writer: Pick<SinkWriter<never, unknown>, 'progress'>
  readonly #tell: ((progress: WriteProgress) => void) | undefined

  constructor(
    writer: Pick<SinkWriter<never, unknown>, 'progress'>,
    tell: ((progress: WriteProgress) => void) | undefined,
  ) {
    this.#writer = writer
    this.#tell = tell
  }

  read(): WriteProgress {
    const { progress = { shards: 0, records: this.items, bytes: 0 } } = this.#writer
    return { items: this.items, ...progress }
  }

  tell(): void {
    this.isDue = false
    this.#tell?.(this.read())
  }

  /** Has the user told once a second from now on. @returns the function that ends it */
  begin(): () => void {
    if (this.#tell === undefined) return () => {}
    const timer = setInterval(() => {
      this.isDue = true
    }, PROGRESS_MS)
    timer.unref()
    return () => clearInterval(timer)
  }
}

/**
 * Writes all items of a pipeline, with a commit whenever the sink asks for one. A commit and the
 * items after it overlap; of two commits the second waits for the first.
 *
 * @returns the result; `undefined` if the pipeline was stopped before its end
 */
export async function writeItems<T, R>(
  pipeline: WritingPipeline<T>,
  writer: SinkWriter<T, R>,
  meter: WriteMeter,
): Promise<R | undefined> {
  let committing: Promise<void> | undefined
  const commit = (): void => {
    // Taken now: it covers the items that were written, and no other.
    committing = writer.commit(pipeline.takeState()).then(() => {
      meter.isDue = true
    })
    // A failure is reported by the next commit, or at the end.
    committing.catch(() => {})
  }
  const end = meter.begin()
  try {
    await pipeline.forEach((item) => {
      if (meter.isDue) meter.tell()
      meter.items++
      if (!writer.isDue) return writer.write(item)
      if (committing === undefined) {
        commit()
        return writer.write(item)
      }
      return committing.then(() => {
        commit()
        return writer.write(item)
      })
    })
    await committing
    if (!pipeline.isCut()) {
      const result = await writer.complete(pipeline.takeState())
      meter.tell()
      return result
    }
    await writer.commit(pipeline.takeState())
    meter.tell()
    await writer.abort()
    return undefined
  } catch (error) {
    await (committing as Promise<void> | undefined)?.catch(() => {})
    await writer.abort().catch(() => {})
    throw error
  } finally {
    end()
  }
}
