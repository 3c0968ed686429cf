import { SpindleError } from '../../errors.ts'

/** The op of `disaggregate()`: a generator of the elements of an item. */
export function elementsOf(items: unknown): Generator<unknown> | AsyncGenerator<unknown> {
  const candidate = items as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined
  if (typeof candidate?.[Symbol.iterator] === 'function')
    return elements(candidate as Iterable<unknown>)
  if (typeof candidate?.[Symbol.asyncIterator] === 'function')
    return asyncElements(candidate as AsyncIterable<unknown>)
  throw new SpindleError(
    'ERR_NOT_ITERABLE',
    `disaggregate() needs items that can be iterated, got ${typeof items}`,
  )
}

function* elements(items: Iterable<unknown>): Generator<unknown> {
  yield* items
}

async function* asyncElements(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* items
}
