import type { Items } from './seek-plan.ts'

/** For a gap of more items than this, a seekable source is reopened instead of read forward. */
const WORTH_SEEKING = 64

/** A source that is read forward from where it was opened. */
export interface StreamRead<T> {
  /** Begins at a position. */
  readonly open: (position: number) => Items<T>
  /** Distance between the positions of consecutive items. */
  readonly step: number
  readonly isAsync: boolean
  /** Whether it can begin at positions other than 0. */
  readonly mayReopen: boolean
}

/** The items at `positions`, found by reading forward. */
export function readStream<T>(positions: Iterable<number>, read: StreamRead<T>): Items<T> {
  return read.isAsync ? readAsync(positions, read) : readSync(positions, read)
}

function* readSync<T>(positions: Iterable<number>, read: StreamRead<T>): Generator<T, void, void> {
  let steps: Iterator<T> | undefined
  let at = 0
  try {
    for (const position of positions) {
      if (steps === undefined || isFar(position, at, read)) {
        steps?.return?.()
        at = read.mayReopen ? position : 0
        steps = (read.open(at) as Iterable<T>)[Symbol.iterator]()
      }
      for (; ; at += read.step) {
        const step = steps.next()
        if (step.done === true) {
          steps = undefined
          return
        }
        if (at < position) continue
        at += read.step
        yield step.value
        break
      }
    }
  } finally {
    steps?.return?.()
  }
}

async function* readAsync<T>(
  positions: Iterable<number>,
  read: StreamRead<T>,
): AsyncGenerator<T, void, void> {
  let steps: AsyncIterator<T> | Iterator<T> | undefined
  let at = 0
  try {
    for (const position of positions) {
      if (steps === undefined || isFar(position, at, read)) {
        await steps?.return?.()
        at = read.mayReopen ? position : 0
        steps = iteratorOf(read.open(at))
      }
      for (; ; at += read.step) {
        const step = await steps.next()
        if (step.done === true) {
          steps = undefined
          return
        }
        if (at < position) continue
        at += read.step
        yield step.value
        break
      }
    }
  } finally {
    await steps?.return?.()
  }
}

function isFar(position: number, at: number, read: StreamRead<unknown>): boolean {
  return read.mayReopen && (position < at || position - at > WORTH_SEEKING * read.step)
}

function iteratorOf<T>(items: Items<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}
