import { markCaller } from '../flow/call-scopes.ts'
import { isSliceOverMidway } from '../flow/turn.ts'
import type { Outlet } from './outlet.ts'
import { Session, Waiter } from './takers.ts'

/** One item now or when it comes. */
export function takeItem<T>(
  outlet: Outlet,
  session: Session,
  timeoutMs: number,
): Promise<IteratorResult<T, undefined>> {
  outlet.lookAtTime()
  asked(outlet, session)
  // A consumer that computes for long lets the loop turn before it gets the next item, if it can wait.
  const mustWait = timeoutMs === Number.POSITIVE_INFINITY && isSliceOverMidway()
  const value = mustWait ? undefined : outlet.take(session.epoch, session.holder)
  if (value !== undefined) {
    outlet.settle()
    outlet.time.gives()
    return step(value as T)
  }
  let waiter: Waiter | undefined
  const promise = new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
    waiter = new Waiter(session, outlet.time, resolve as (result: IteratorResult<unknown>) => void, reject)
    if (timeoutMs !== Number.POSITIVE_INFINITY) waiter.limit(outlet, timeoutMs)
    outlet.await(waiter)
  })
  if (session.holder === undefined && waiter !== undefined) waiter.promise = promise
  return promise
}

/** A consumer has done with the items it has: where that is kept book of, the source may go on. */
function asked(outlet: Outlet, session: Session): void {
  const { commits } = outlet
  if (commits !== undefined) outlet.inScope(() => commits.asked(session.holder))
}

function leaves(outlet: Outlet, session: Session): void {
  const { commits } = outlet
  if (commits !== undefined) outlet.inScope(() => commits.leaves(session))
}

/** A promise of an item that is there. An async function makes it a tenth cheaper than `Promise.resolve`. */
async function step<T>(value: T): Promise<IteratorResult<T, undefined>> {
  return { done: false, value }
}

/** Gives a pipeline's items one by one. A time-out does not end it; the end of the stream or epoch, an error and `return()` do. */
export class ItemIterator<T> implements AsyncIterableIterator<T, undefined> {
  private readonly outlet: Outlet
  private readonly timeoutMs: number
  private readonly enter: () => Session
  private session: Session | undefined

  constructor(outlet: Outlet, timeoutMs: number, enter: () => Session) {
    this.outlet = outlet
    this.timeoutMs = timeoutMs
    this.enter = enter
    this.session = undefined
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.session ??= this.enter()
    if (this.outlet.keepsScopes) markCaller(this.outlet.mark)
    if (this.session.isOver) return Promise.resolve({ done: true, value: undefined })
    return takeItem<T>(this.outlet, this.session, this.timeoutMs)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.session ??= new Session(0)
    leaves(this.outlet, this.session)
    this.session.end()
    this.outlet.leave(this.session)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Gives what is ready, at least one item at a time. */
export class ChunkIterator<T> implements AsyncIterableIterator<T[], undefined> {
  private readonly outlet: Outlet
  private readonly max: number
  private readonly enter: () => Session
  private session: Session | undefined

  constructor(outlet: Outlet, max: number, enter: () => Session) {
    this.outlet = outlet
    this.max = max
    this.enter = enter
  }

  async next(): Promise<IteratorResult<T[], undefined>> {
    this.session ??= this.enter()
    if (this.session.isOver) return { done: true, value: undefined }
    const { outlet, session } = this
    if (outlet.keepsScopes) markCaller(outlet.mark)
    outlet.lookAtTime()
    asked(outlet, session)
    const chunk: T[] = []
    if (!isSliceOverMidway()) this.fill(chunk, session)
    if (chunk.length === 0) {
      const first = await takeItem<T>(outlet, session, Number.POSITIVE_INFINITY)
      if (first.done === true) return first
      chunk.push(first.value)
      this.fill(chunk, session)
    }
    outlet.settle()
    outlet.time.gives()
    return { done: false, value: chunk }
  }

  private fill(chunk: T[], session: Session): void {
    while (chunk.length < this.max) {
      const value = this.outlet.take(session.epoch, session.holder)
      if (value === undefined) break
      chunk.push(value as T)
    }
  }

  async return(): Promise<IteratorResult<T[], undefined>> {
    this.session ??= new Session(0)
    leaves(this.outlet, this.session)
    this.session.end()
    this.outlet.leave(this.session)
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
