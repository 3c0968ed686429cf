import type { Json, SeekableSource } from '../../engine/seekable.ts'

/**
 * One rank's share of the positions: those whose remainder is `rank` when divided by `worldSize`.
 */
export interface Shard {
  /** 0 <= `rank` < `worldSize`. */
  readonly rank: number
  /** Number of ranks, >= 1. */
  readonly worldSize: number
}

/** Members that {@link SyncSource} and {@link AsyncSource} share. */
interface Positioned<T> extends SeekableSource<T> {
  readonly description: { readonly [name: string]: Json }
  readonly shard: Shard | undefined
  /**
   * Number of items per epoch for this rank; `undefined` if it is unknown until the end, `Infinity`
   * if there is no end.
   */
  readonly length: number | undefined
  /** The epoch of plain iteration. Iterating does not change it. */
  readonly epoch: number
  /**
   * Sets the epoch of later iterations.
   *
   * @throws `ERR_BAD_OPTION` unless it is an integer >= 0
   */
  setEpoch(epoch: number): void
}

/** A seekable source with synchronous items, for a plain `for`. Can be iterated repeatedly. */
export interface SyncSource<T> extends Positioned<T>, Iterable<T> {
  iterateFrom(position: number, epoch: number): Iterable<T>
}

/** A seekable source with asynchronous items, for `for await`. Can be iterated repeatedly. */
export interface AsyncSource<T> extends Positioned<T>, AsyncIterable<T> {
  iterateFrom(position: number, epoch: number): AsyncIterable<T>
}

/** What transforms take as a source: arrays, seekable sources, and other iterables. */
export type SourceLike<T> = readonly T[] | SeekableSource<T> | Iterable<T> | AsyncIterable<T>

/** Type of the items of a source. */
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
 * The result of a transform of a source `S`, with items `T`: seekable if `S` is, and asynchronous
 * if `S` is.
 */
export type Transformed<S, T = ItemOf<S>> = S extends readonly unknown[]
  ? SyncSource<T>
  : S extends SeekableSource<unknown>
    ? S extends Iterable<unknown>
      ? SyncSource<T>
      : AsyncSource<T>
    : S extends Iterable<unknown>
      ? Iterable<T>
      : AsyncIterable<T>
