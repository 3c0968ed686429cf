import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { badOption } from '../../check.ts'
import { isSeekable, type SeekableSource } from '../../engine/seekable.ts'
import { SpindleError } from '../../errors.ts'
import { knownSource } from './expose.ts'
import { readStream } from './read-stream.ts'
import { mapped, type Plan } from './seek-plan.ts'
import type { Shard, SourceLike } from './source-types.ts'

/** A source as transforms see it: the plan of the whole source, and the shard to give. */
export interface Seen<T> {
  readonly plan: Plan<T>
  readonly shard: Shard | undefined
}

/**
 * Gets the plan and shard of a source.
 *
 * @throws `ERR_BAD_OPTION` if it is not a source
 */
export function planOf<T>(source: SourceLike<T>, option = 'source'): Seen<T> {
  if (typeof source === 'object' && source !== null) {
    const inside = knownSource(source)
    if (inside !== undefined) return inside as Seen<T>
    if (Array.isArray(source))
      return { plan: new ArrayPlan(source as readonly T[]), shard: undefined }
    if (isSeekable(source))
      return { plan: new ForeignPlan(source as SeekableSource<T>), shard: source.shard }
    if (Symbol.asyncIterator in source || Symbol.iterator in source)
      return { plan: new StreamPlan(source as Iterable<T> | AsyncIterable<T>), shard: undefined }
  }
  return badOption(option, 'an array, a seekable source or something that can be iterated', source)
}

/**
 * As {@link planOf}, for transforms that reorder items or combine sources: these need the whole
 * source, and ranks are split last.
 *
 * @throws `ERR_BAD_OPTION` for a foreign seekable source that gives only a rank's items
 */
export function wholePlanOf<T>(source: SourceLike<T>, option = 'source'): Seen<T> {
  const seen = planOf(source, option)
  if (seen.plan instanceof ForeignPlan && seen.plan.isPart)
    badOption(
      option,
      'a source of all ranks (of a source that `spindle/source` did not make, split what comes last)',
      source,
    )
  return seen
}

class ArrayPlan<T> implements Plan<T> {
  readonly access = 'random'
  readonly isAsync = false
  private readonly items: readonly T[]

  constructor(items: readonly T[]) {
    this.items = items
  }

  get size(): number {
    return this.items.length
  }

  /**
   * Includes a digest of the items, so that a resume state of other data is refused. Items without
   * a JSON text (functions, bytes) count by their `typeof` or `inspect` text.
   */
  describe(): { readonly kind: string; readonly size: number; readonly digest: string } {
    const hash = createHash('sha256')
    for (const item of this.items) hash.update(`${textOf(item)}\n`)
    return { kind: 'array', size: this.items.length, digest: hash.digest('hex').slice(0, 16) }
  }

  *pick(positions: Iterable<number>): Generator<T, void, void> {
    for (const position of positions) yield this.items[position] as T
  }
}

function textOf(item: unknown): string {
  try {
    return ArrayBuffer.isView(item) ? inspect(item) : (JSON.stringify(item) ?? typeof item)
  } catch {
    return inspect(item)
  }
}

const OTHER_RANK =
  'a transform needs items of other ranks from a source that gives only its own: split what comes last'

/** A seekable source that another package made. */
class ForeignPlan<T> implements Plan<T> {
  readonly access = 'sequential'
  readonly isAsync: boolean
  private readonly source: SeekableSource<T>

  constructor(source: SeekableSource<T>) {
    this.source = source
    this.isAsync = !(Symbol.iterator in source)
  }

  get size(): number | undefined {
    return this.source.size
  }

  /** Whether the source gives only a rank's items. */
  get isPart(): boolean {
    return this.source.shard !== undefined
  }

  describe(): SeekableSource<T>['description'] {
    return this.source.description
  }

  pick(positions: Iterable<number>, epoch: number): Iterable<T> | AsyncIterable<T> {
    const { source } = this
    const { rank, worldSize: step } = source.shard ?? { rank: 0, worldSize: 1 }
    const open = (position: number) => {
      const items = source.iterateFrom(position, epoch)
      if (this.isAsync || Symbol.iterator in items) return items
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        'the source can be iterated by a plain `for`, but its `iterateFrom` must be awaited',
      )
    }
    const own = (position: number) => {
      if (position % step !== rank) throw new SpindleError('ERR_BAD_SOURCE', OTHER_RANK)
      return position
    }
    const wanted = this.isPart ? mapped(positions, own) : positions
    return readStream(wanted, { open, step, isAsync: this.isAsync, mayReopen: true })
  }
}

/** A source that can only be iterated from its start. */
class StreamPlan<T> implements Plan<T> {
  readonly size = undefined
  readonly access = 'once'
  readonly isAsync: boolean
  private readonly items: Iterable<T> | AsyncIterable<T>

  constructor(items: Iterable<T> | AsyncIterable<T>) {
    this.items = items
    this.isAsync = Symbol.asyncIterator in items
  }

  describe(): { readonly kind: string } {
    return { kind: 'stream' }
  }

  pick(positions: Iterable<number>): Iterable<T> | AsyncIterable<T> {
    return readStream(positions, {
      open: () => this.items,
      step: 1,
      isAsync: this.isAsync,
      mayReopen: false,
    })
  }
}
