import type { Rules } from 'spindle/options'
import type { ColumnBatch } from 'spindle/source'
import { damaged } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { loadFlechette } from './flechette.ts'
import {
  type ArrowOptions,
  arrowRules,
  checkColumns,
  checkSize,
  decodeBatch,
  faultOf,
} from './from-arrow.ts'
import { headBytesOf, headOf } from './messages.ts'

const arrowOptions = mediaOptions('ArrowOptions', arrowRules satisfies Rules<ArrowOptions>)

const NAME = 'Arrow stream'

/**
 * The record batches of an Arrow IPC stream, as they come: of a socket, a response, another
 * program. It cannot begin in the middle; see {@link fromArrow} for files.
 *
 * @param bytes pieces of bytes: a Node or web stream, or any (async) iterable
 * @throws MediaError as `fromArrow`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { createReadStream } from 'node:fs'
 * import { streamArrow } from '@spindle/io'
 *
 * let rows = 0
 * for await (const { i32 } of streamArrow(createReadStream('packages/io/test/arrow/types.arrows')))
 *   rows += i32!.shape[0]!
 * assert.equal(rows, 50)
 * ```
 */
export async function* streamArrow(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ArrowOptions = {},
): AsyncGenerator<ColumnBatch, void, void> {
  const checked = arrowOptions.check(options)
  const { signal, maxBatchBytes, columns } = checked
  signal?.throwIfAborted()
  const library = await loadFlechette()
  const input = new ByteQueue(bytes)
  let schema: Uint8Array | undefined
  const dictionaries = new Map<number, Uint8Array[]>()
  try {
    while (await input.has(8)) {
      signal?.throwIfAborted()
      const headBytes = headBytesOf(input.peek(8))
      if (headBytes <= 8) return
      if (!(await input.has(headBytes))) throw damaged('damaged: an Arrow stream that is cut off')
      const { bodyBytes, kind, dictionary } = headOf(input.peek(headBytes))
      checkSize(headBytes + bodyBytes, maxBatchBytes)
      if (!(await input.has(headBytes + bodyBytes)))
        throw damaged('damaged: an Arrow stream that is cut off')
      const message = input.take(headBytes + bodyBytes)
      if (schema === undefined) {
        if (kind !== 'schema') throw damaged('no Arrow stream')
        schema = message
        checkColumns(library, schema, columns)
      } else if (dictionary !== undefined) {
        // A later dictionary of the same number takes the place of what was there.
        const { id, isDelta } = dictionary
        dictionaries.set(id, [...(isDelta ? (dictionaries.get(id) ?? []) : []), message])
      } else if (kind === 'batch')
        yield decodeBatch(library, [schema, ...[...dictionaries.values()].flat(), message], checked)
    }
    if (schema === undefined || input.length > 0)
      throw damaged(
        schema === undefined ? 'no Arrow stream' : 'damaged: an Arrow stream that is cut off',
      )
  } catch (error) {
    signal?.throwIfAborted()
    throw faultOf(error, NAME)
  } finally {
    await input.close()
  }
}

/** Bytes that were received and not taken. */
class ByteQueue {
  readonly #steps: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  #pieces: Uint8Array[] = []
  length = 0

  constructor(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#steps =
      Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]()
  }

  /** Waits until there are so many bytes. @returns false if the stream ends before */
  async has(bytes: number): Promise<boolean> {
    while (this.length < bytes) {
      const step = await this.#steps.next()
      if (step.done === true) return false
      this.#pieces.push(step.value)
      this.length += step.value.length
    }
    return true
  }

  /** The first bytes, which stay. */
  peek(bytes: number): Uint8Array {
    if (this.#pieces[0]!.length < bytes)
      this.#pieces = [new Uint8Array(Buffer.concat(this.#pieces))]
    return this.#pieces[0]!.subarray(0, bytes)
  }

  /** Takes the first bytes, with memory of their own: it is aligned for views of all types. */
  take(bytes: number): Uint8Array {
    const taken = new Uint8Array(bytes)
    for (let at = 0; at < bytes; ) {
      const piece = this.#pieces[0]!
      const part = piece.subarray(0, bytes - at)
      taken.set(part, at)
      at += part.length
      if (part.length < piece.length) this.#pieces[0] = piece.subarray(part.length)
      else this.#pieces.shift()
    }
    this.length -= bytes
    return taken
  }

  async close(): Promise<void> {
    await this.#steps.return?.()
  }
}
