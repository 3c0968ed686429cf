import type { Json } from '../../engine/seekable.ts'
import { boolean, func, integer, object, options, type Rules } from '../../options/index.ts'
import { expose } from './expose.ts'
import type { AsyncSource, SyncSource } from './source-types.ts'

/** Options of {@link defineSource}. */
export interface SourceDefinition<T> {
  /** Number of positions per epoch: an integer >= 0, or `Infinity`. */
  readonly size: number
  /**
   * As in `SeekableSource`: equal if and only if equal positions of equal epochs hold equal items.
   */
  readonly description: { readonly [name: string]: Json }
  /** Returns the item at a position of an epoch. */
  readonly at: (position: number, epoch: number) => T
}

/** Options of {@link defineAsyncSource}. */
export interface AsyncSourceDefinition<T> {
  /**
   * Number of positions per epoch: an integer >= 0, or `Infinity`; `undefined` if it is known only
   * at the end.
   */
  readonly size: number | undefined
  /**
   * As in `SeekableSource`: equal if and only if equal positions of equal epochs hold equal items.
   */
  readonly description: { readonly [name: string]: Json }
  /**
   * Returns the items at `positions`, in the order of `positions`. They may be any positions below
   * `size`. `positions` may be pulled lazily, or ahead of the items to read many at once.
   */
  readonly pick: (positions: Iterable<number>, epoch: number) => AsyncIterable<T>
  /**
   * Whether ascending positions are much cheaper than others. Default true. `shuffleBuffer` then
   * reads a buffer in order and shuffles it afterwards.
   */
  readonly isSequential?: boolean
}

const definitionRules = {
  size: integer({ min: 0, orInfinity: true, required: true }),
  description: object<{ readonly [name: string]: Json }, { required: true }>({ required: true }),
}

const sourceOptions = options('SourceDefinition', {
  ...definitionRules,
  at: func({ required: true }),
} satisfies Rules<SourceDefinition<unknown>>)

const asyncSourceOptions = options('AsyncSourceDefinition', {
  ...definitionRules,
  size: integer({ min: 0, orInfinity: true }),
  pick: func({ required: true }),
  isSequential: boolean({ default: true }),
} satisfies Rules<AsyncSourceDefinition<unknown>>)

/**
 * Makes a seekable source from a function that maps positions to items. All transforms take it and
 * give seekable sources.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { defineSource, shuffled } from 'spindle/source'
 *
 * const squares = defineSource({ size: 5, description: { kind: 'squares' }, at: (position) => position ** 2 })
 * assert.deepEqual([...squares], [0, 1, 4, 9, 16])
 * assert.deepEqual([...squares.iterateFrom(3, 0)], [9, 16])
 * assert.equal(new Set(shuffled(squares, { seed: 1 })).size, 5)
 * ```
 */
export function defineSource<T>(definition: SourceDefinition<T>): SyncSource<T> {
  const { size, description, at } = sourceOptions.check(definition)
  const pick = function* (positions: Iterable<number>, epoch: number) {
    for (const position of positions) yield at(position, epoch)
  }
  return expose(
    { size, access: 'random', isAsync: false, describe: () => description, pick },
    undefined,
  ) as SyncSource<T>
}

/**
 * Makes a seekable source from a function that reads the items at given positions.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { defineAsyncSource } from 'spindle/source'
 *
 * const pages = defineAsyncSource({
 *   size: 3,
 *   description: { kind: 'pages' },
 *   async *pick(positions) {
 *     for (const position of positions) yield `page ${position}`
 *   },
 * })
 * const read: string[] = []
 * for await (const page of pages.iterateFrom(1, 0)) read.push(page)
 * assert.deepEqual(read, ['page 1', 'page 2'])
 * ```
 */
export function defineAsyncSource<T>(definition: AsyncSourceDefinition<T>): AsyncSource<T> {
  const { size, description, pick, isSequential } = asyncSourceOptions.check(definition)
  const access = isSequential ? 'sequential' : 'random'
  return expose(
    { size, access, isAsync: true, describe: () => description, pick },
    undefined,
  ) as AsyncSource<T>
}
