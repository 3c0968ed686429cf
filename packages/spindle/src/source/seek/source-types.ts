import type { Json, SeekableSource } from '../../engine/seekable.ts'

/**
 * Which positions are one's own: those that leave the remainder `rank` when divided by `worldSize`.
 */
export interface Shard {
  /** 0 <= `rank` < `worldSize`. */
  readonly rank: number
  /** How many there are, >= 1. */
  readonly worldSize: number
}

/** What {@link Source} and {@link AsyncSource} have in common. */
interface Positioned<T> extends SeekableSource<T> {
  readonly description: { readonly [name: string]: Json }
  readonly shard: Shard | undefined
  /**
   * How many items an epoch has for this rank; `undefined` where only the end will tell, `Infinity`
   * where there is none.
   */
  readonly length: number | undefined
  /** The epoch that plain iteration gives. Iterating does not change it. */
  readonly epoch: number
  /**
   * Sets the epoch of iterations that begin from now on. @throws `ERR_BAD_OPTION` unless it is an
   * integer >= 0
   */
  setEpoch(epoch: number): void
}

/** A seekable source whose items are there at once: for a plain `for`, and as often as wanted. */
export interface Source<T> extends Positioned<T>, Iterable<T> {
  iterateFrom(position: number, epoch: number): Iterable<T>
}

/** A seekable source whose items are read: for `for await`, and as often as wanted. */
export interface AsyncSource<T> extends Positioned<T>, AsyncIterable<T> {
  iterateFrom(position: number, epoch: number): AsyncIterable<T>
}

/**
 * What the transforms of sources take: arrays, seekable sources, and whatever else can be iterated.
 */
export type SourceLike<T> = readonly T[] | SeekableSource<T> | Iterable<T> | AsyncIterable<T>

/** The items of a source. */
export type ItemOf<S> = S extends readonly (infer T)[]
  ? T
  : S extends {
        iterateFrom(position: number, epoch: number): Iterable<infer T> | AsyncIterable<infer T>
      }
    ? T
    : S extends Iterable<infer T> | AsyncIterable<infer T>
      ? T
      : never

/**
 * What a transform of the source `S` with items `T` is: seekable if `S` is, and to be awaited if
 * `S` is.
 */
export type Transformed<S, T = ItemOf<S>> = S extends readonly unknown[]
  ? Source<T>
  : S extends SeekableSource<unknown>
    ? S extends Iterable<unknown>
      ? Source<T>
      : AsyncSource<T>
    : S extends Iterable<unknown>
      ? Iterable<T>
      : AsyncIterable<T>
