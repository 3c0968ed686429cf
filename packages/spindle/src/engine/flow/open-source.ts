import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { adopt, isThenable, peek } from '../../user-code.ts'
import { isSeekable } from '../seekable.ts'
import type { Source, SourceContext } from '../types.ts'

/** The common form of all sources: an iterator whose steps may be promises. */
export interface Steps {
  next(): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>
  return?(value?: unknown): unknown
}

/**
 * Begins to iterate a source. A function may return a promise for the items; the first step then
 * waits for it.
 *
 * @throws `ERR_BAD_SOURCE` if the source, or the result of its function, is not iterable, or if it
 *   is a one-shot source that has ended.
 */
export function openSource(source: Source<unknown>, context: SourceContext): Steps {
  if (isSeekable(source)) return stepsOfItems(source.iterateFrom(context.position, context.epoch))
  if (typeof source !== 'function' || isIterable(source)) return stepsOfItems(source)
  const made: unknown = source(context)
  const open = (items: unknown): Steps =>
    stepsOfItems(
      isSeekable(items) ? items.iterateFrom(context.position, context.epoch) : items,
      'the function returned',
    )
  // Some iterables, such as database queries, are thenables too. They are iterated.
  if (isThenable(made) && !isIterable(made)) return new AwaitedSteps(adopt(made).then(open))
  return open(made)
}

function stepsOfItems(items: unknown, what: string = 'it is'): Steps {
  if (isUsedUp(items)) {
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      'the source has already ended in another run, and it is an iterator, generator object or stream, which can be iterated only once: give an iterable, or a function that makes a new iterator or stream for each run',
    )
  }
  const steps = iterate(items)
  if (steps !== undefined) return steps
  throw new SpindleError(
    'ERR_BAD_SOURCE',
    `the source must be an iterable, an iterator, a stream, or a function that returns one; ${what} ${kindOf(items)}`,
  )
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

/** The steps of a function that returned a promise for its items. */
class AwaitedSteps implements Steps {
  /** The steps themselves, once the promise has resolved. */
  opened: Steps | undefined
  readonly #opening: Promise<Steps>

  constructor(opening: Promise<Steps>) {
    this.#opening = opening.then((steps) => {
      this.opened = steps
      return steps
    })
    // If the source is closed before its first step, no caller waits for the error.
    this.#opening.catch(() => {})
  }

  next(): ReturnType<Steps['next']> {
    return this.opened === undefined
      ? this.#opening.then((steps) => steps.next())
      : this.opened.next()
  }

  return(value?: unknown): unknown {
    return this.opened === undefined
      ? this.#opening.then(
          (steps) => steps.return?.(value),
          () => {},
        )
      : this.opened.return?.(value)
  }
}

/** The steps that a source itself makes, without a wrapper. */
export function ownSteps(steps: Steps | undefined): Steps | undefined {
  return steps instanceof AwaitedSteps ? steps.opened : steps
}

const usedUp: WeakSet<object> = new WeakSet()

/**
 * Records that a source was iterated to its end or closed. A one-shot source cannot be used again.
 */
export function usedUpBy(source: unknown, steps: Steps | undefined): void {
  const own = ownSteps(steps)
  if (isOneShot(source)) usedUp.add(source as object)
  // The result of a function.
  else if (isOneShot(own) && typeof source === 'function') usedUp.add(own as object)
}

function isUsedUp(source: unknown): boolean {
  return typeof source === 'object' && source !== null && usedUp.has(source)
}

/**
 * Checks a value that is given as a source.
 *
 * @throws `ERR_BAD_SOURCE` with what to give instead.
 */
export function checkSource(source: unknown, where?: string): void {
  if (typeof source !== 'string' && isSource(source)) return
  const place = where === undefined ? '' : ` (${where})`
  throw new SpindleError('ERR_BAD_SOURCE', `${whyNoSource(source)}${place}`)
}

function whyNoSource(source: unknown): string {
  if (typeof source === 'string')
    return `\`source\` must not be a string, because its items would be its characters, got ${show(source)}: for a folder use listFiles() or fromFiles() of spindle/source, for one item give [item]`
  const rule =
    '`source` must be an iterable, an async iterable, an iterator, a stream, a source of spindle/source, or a function that returns one'
  if (isThenable(source))
    return `${rule}, got a Promise: await it, or give a function that returns it`
  if (typeof peek(source, 'addSource') === 'function')
    return `${rule}, got a PipelineBuilder: call build() on it, or join builders with merge()`
  return `${rule}, got ${kindOf(source)}`
}

/** Whether a value can be a source. */
function isSource(value: unknown): boolean {
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
