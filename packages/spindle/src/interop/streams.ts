import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { Pipeline } from '../engine/run/pipeline.ts'
import { SpindleError } from '../errors.ts'

/**
 * A Node stream in object mode with the pipeline's items. Destroying the stream stops the pipeline.
 * A failure of the pipeline destroys the stream. An item that is `null` does too, because object
 * streams use `null` for their end.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { toReadable } from 'spindle/interop'
 *
 * const stream = toReadable(new PipelineBuilder().addSource([1, 2, 3]).build())
 * assert.deepEqual(await stream.toArray(), [1, 2, 3])
 * ```
 */
export function toReadable<T>(
  pipeline: Pipeline<T>,
  options: { readonly highWaterMark?: number } = {},
): Readable {
  const items = pipeline[Symbol.asyncIterator]()
  return new Readable({
    objectMode: true,
    highWaterMark: options.highWaterMark ?? 1,
    read() {
      items.next().then(
        (step) => {
          if (step.done !== true && step.value === null) this.destroy(nullError())
          else this.push(step.done === true ? null : step.value)
        },
        (error) => this.destroy(error as Error),
      )
    },
    destroy(error, done) {
      pipeline.stop().then(
        () => done(error),
        (failure) => done(error ?? (failure as Error)),
      )
    },
  })
}

/**
 * A web stream with the pipeline's items. Cancelling the stream stops the pipeline. A failure of
 * the pipeline errors the stream.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { toReadableStream } from 'spindle/interop'
 *
 * const seen: number[] = []
 * for await (const item of toReadableStream(new PipelineBuilder().addSource([1, 2]).build())) seen.push(item)
 * assert.deepEqual(seen, [1, 2])
 * ```
 */
export function toReadableStream<T>(pipeline: Pipeline<T>): ReadableStream<T> {
  const items = pipeline[Symbol.asyncIterator]()
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const step = await items.next()
        if (step.done === true) controller.close()
        else controller.enqueue(step.value)
      },
      cancel: () => pipeline.stop(),
    },
    // No buffer here: the pipeline has its own queues.
    { highWaterMark: 0 },
  )
}

function nullError(): SpindleError {
  return new SpindleError(
    'ERR_BAD_STATE',
    'an item is null, which would end a Node stream: wrap or filter it',
  )
}
