// Sources that keep a record of how they are treated.

/** 0, 1, … `count - 1`, as an array. */
export function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, position) => from + position)
}

export interface Watch {
  /** Times an iterator was asked for. */
  opens: number
  /** Calls of `next`, or steps of the generator. */
  pulls: number
  /** Times an opened iterator was left: by its end, by its failure or by `return`. */
  closes: number
  /** Calls of `return`, where the source is an iterator written by hand. */
  returns: number
}

function newWatch(): Watch {
  return { opens: 0, pulls: 0, closes: 0, returns: 0 }
}

export interface WatchedSource<S> {
  readonly source: S
  readonly watch: Watch
}

/** The numbers from 0, given by a generator function; `Infinity` for no end. */
export function watchedGenerator(count: number): WatchedSource<() => Generator<number>> {
  const watch = newWatch()
  return {
    watch,
    source: function* numbers() {
      watch.opens++
      try {
        for (let value = 0; value < count; value++) {
          watch.pulls++
          yield value
        }
      } finally {
        watch.closes++
      }
    },
  }
}

/** The numbers from 0, given by an async generator function. */
export function watchedAsyncGenerator(count: number): WatchedSource<() => AsyncGenerator<number>> {
  const watch = newWatch()
  return {
    watch,
    source: async function* numbers() {
      watch.opens++
      try {
        for (let value = 0; value < count; value++) {
          watch.pulls++
          await null
          yield value
        }
      } finally {
        watch.closes++
      }
    },
  }
}

/** The numbers from 0, given by an iterable with an iterator written by hand. */
export function watchedIterable(count: number): WatchedSource<Iterable<number>> {
  const watch = newWatch()
  return {
    watch,
    source: {
      [Symbol.iterator]() {
        watch.opens++
        let value = 0
        return {
          next() {
            watch.pulls++
            if (value < count) return { done: false, value: value++ }
            watch.closes++
            return { done: true, value: undefined }
          },
          return() {
            watch.returns++
            watch.closes++
            return { done: true, value: undefined }
          },
        }
      },
    },
  }
}

/** The numbers from 0, given by an async iterable with an iterator written by hand. */
export function watchedAsyncIterable(count: number): WatchedSource<AsyncIterable<number>> {
  const watch = newWatch()
  return {
    watch,
    source: {
      [Symbol.asyncIterator]() {
        watch.opens++
        let value = 0
        return {
          async next() {
            watch.pulls++
            if (value < count) return { done: false, value: value++ }
            watch.closes++
            return { done: true, value: undefined }
          },
          async return() {
            watch.returns++
            watch.closes++
            return { done: true, value: undefined }
          },
        }
      },
    },
  }
}

/** The four kinds, to go through in a loop. */
export const watchedSources = {
  'a generator': watchedGenerator,
  'an async generator': watchedAsyncGenerator,
  'an iterable': watchedIterable,
  'an async iterable': watchedAsyncIterable,
}
