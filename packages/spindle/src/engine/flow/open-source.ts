import { SpindleError } from '../../errors.ts'
import { isSeekable } from '../seekable.ts'
import type { Source, SourceContext } from '../types.ts'

/** The common form of all sources: an iterator whose steps may be promises. */
export interface Steps {
  next(): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>
  return?(value?: unknown): unknown
}

/**
 * Begins to iterate a source. @throws `ERR_BAD_SOURCE` if the source, or the result of its
 * function, is not iterable.
 */
export function openSource(source: Source<unknown>, context: SourceContext): Steps {
  const items: unknown = isSeekable(source)
    ? source.iterateFrom(context.position, context.epoch)
    : typeof source === 'function' && !isIterable(source)
      ? source(context)
      : source
  if (isUsedUp(source) || isUsedUp(items)) {
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      'the source has come to its end in another pipeline, and can be gone through only once: give an iterable, or a function that makes an iterator or stream for each pipeline',
    )
  }
  const steps = iterate(items)
  if (steps === undefined) {
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      `the source must be an iterable, an iterator, a stream, or a function that returns one; ${typeof source === 'function' ? 'the function returned' : 'it is'} ${items === null ? 'null' : typeof items}`,
    )
  }
  return steps
}

const usedUp: WeakSet<object> = new WeakSet()

/**
 * Records that a source was iterated to its end or closed. A one-shot source cannot be used again.
 */
export function usedUpBy(source: unknown, steps: Steps | undefined): void {
  if (isOneShot(source)) usedUp.add(source as object)
  // The result of a function.
  else if (isOneShot(steps) && typeof source === 'function') usedUp.add(steps as object)
}

function isUsedUp(source: unknown): boolean {
  return typeof source === 'object' && source !== null && usedUp.has(source)
}

/** Whether a value can be a source. */
export function isSource(value: unknown): boolean {
  return (
    typeof value === 'function' ||
    isIterable(value) ||
    isIterator(value) ||
    isReader(value) ||
    isSeekable(value)
  )
}

/** Whether a source can be iterated only once: an iterator, a generator object, a stream. */
export function isOneShot(value: unknown): boolean {
  if (typeof value === 'function' || value === null || typeof value !== 'object') return false
  if (isSeekable(value)) return false
  return (
    isIterator(value) ||
    isReader(value) ||
    (typeof (value as { pipe?: unknown }).pipe === 'function' && 'read' in value)
  )
}

function iterate(items: unknown): Steps | undefined {
  if (isIterable(items)) {
    const asyncIterator = (items as AsyncIterable<unknown>)[Symbol.asyncIterator]
    if (typeof asyncIterator === 'function') return asyncIterator.call(items) as Steps
    return (items as Iterable<unknown>)[Symbol.iterator]() as Steps
  }
  if (isReader(items)) return stepsOf(items.getReader())
  return isIterator(items) ? (items as Steps) : undefined
}

function isIterable(value: unknown): boolean {
  if (value === null || value === undefined) return false
  const candidate = value as { [Symbol.iterator]?: unknown; [Symbol.asyncIterator]?: unknown }
  return (
    typeof candidate[Symbol.asyncIterator] === 'function' ||
    typeof candidate[Symbol.iterator] === 'function'
  )
}

function isIterator(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { next?: unknown }).next === 'function'
  )
}

interface Reader {
  read(): Promise<{ done: boolean; value?: unknown }>
  cancel?(): Promise<unknown>
  releaseLock?(): void
}

function isReader(value: unknown): value is { getReader(): Reader } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { getReader?: unknown }).getReader === 'function'
  )
}

/** For web streams that are not async iterable (in Safari, in some polyfills). */
function stepsOf(reader: Reader): Steps {
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    async return() {
      await reader.cancel?.()
      reader.releaseLock?.()
      return { done: true, value: undefined }
    },
  }
}
