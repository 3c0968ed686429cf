import type { PipelineState } from '../resume-state.ts'
import type { SinkWriter } from '../sink.ts'

/** The part of a pipeline that writes into a sink. */
export interface WritingPipeline<T> {
  forEach(consume: (item: T) => unknown): Promise<void>
  /** State of the items that were consumed before; `undefined` if the run has no states. */
  takeState(): PipelineState | undefined
  /** Whether the pipeline was stopped, so that items may be missing. */
  isCut(): boolean
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
): Promise<R | undefined> {
  let committing: Promise<void> | undefined
  const commit = (): void => {
    // Taken now: it covers the items that were written, and no other.
    committing = writer.commit(pipeline.takeState())
    // A failure is reported by the next commit, or at the end.
    committing.catch(() => {})
  }
  try {
    await pipeline.forEach((item) => {
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
    if (!pipeline.isCut()) return await writer.complete(pipeline.takeState())
    await writer.commit(pipeline.takeState())
    await writer.abort()
    return undefined
  } catch (error) {
    await (committing as Promise<void> | undefined)?.catch(() => {})
    await writer.abort().catch(() => {})
    throw error
  }
}
