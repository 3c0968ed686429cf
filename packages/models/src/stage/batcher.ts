import { clearTimeout, clockMs, queueMicrotask, setTimeout, type Timer } from '../timers.ts'

/** Something that waits for a batch. */
export interface Waiting {
  /** Items of one bucket can share a batch. */
  readonly bucket: string
  /** When it began to wait, by `clockMs()`. */
  readonly since: number
}

/** How items are gathered. */
export interface BatchingRule {
  /** Largest number of items of a batch. */
  readonly max: number
  /** Longest time that an item waits for others while a session is free, in milliseconds. */
  readonly waitMs: number
}

/**
 * Gathers items into batches, across the calls of a stage. A full batch leaves when a session or
 * the place behind one is free. A smaller batch leaves only for a free session, and when its oldest
 * item has waited for `waitMs`, or when no further items can come. While all sessions are busy,
 * batches grow.
 */
export class Batcher<E extends Waiting> {
  /**
   * Whether a full batch may wait behind a session that is busy, so that the session is never idle.
   * Not for calls with a time limit: a session that hangs is replaced, and would take the batch
   * behind it along.
   */
  runsAhead = true
  readonly #rule: BatchingRule
  readonly #sessions: number
  readonly #run: (batch: readonly E[]) => PromiseLike<void>
  readonly #buckets: Map<string, E[]> = new Map()
  /** Batches whose items are fixed: parts of one that failed as a whole. */
  readonly #fixed: (readonly E[])[] = []
  #waiting = 0
  /** Batches and items that sessions have. */
  #batches = 0
  #items = 0
  #timer: Timer | undefined
  #isPumping = false
  /** Number of items that can come at a time, as far as is known. */
  #most = 0

  /** `run`: runs a batch. Must not reject. */
  constructor(
    rule: BatchingRule,
    sessions: number,
    run: (batch: readonly E[]) => PromiseLike<void>,
  ) {
    this.#rule = rule
    this.#sessions = sessions
    this.#run = run
  }

  /** Items that wait, and items in batches that run. */
  get load(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting, running: this.#items }
  }

  /** How many items may come at a time. When all of them are here, no batch waits for more. */
  expect(items: number): void {
    this.#most = Math.max(this.#most, items)
  }

  add(entry: E): void {
    const bucket = this.#buckets.get(entry.bucket)
    if (bucket === undefined) this.#buckets.set(entry.bucket, [entry])
    else bucket.push(entry)
    this.#waiting++
    this.expectAtLeastThese()
    this.#pumpSoon()
  }

  /** Adds a batch that must not be joined with others. It goes first. */
  addFixed(batch: readonly E[]): void {
    this.#fixed.push(batch)
    this.#waiting += batch.length
    this.#pumpSoon()
  }

  /** Removes an item that still waits. */
  remove(entry: E): boolean {
    const bucket = this.#buckets.get(entry.bucket)
    const at = bucket?.indexOf(entry) ?? -1
    if (bucket === undefined || at < 0) return false
    bucket.splice(at, 1)
    if (bucket.length === 0) this.#buckets.delete(entry.bucket)
    this.#waiting--
    return true
  }

  /** Removes everything that waits. */
  clear(): readonly E[] {
    const all = [...this.#fixed.flat(), ...[...this.#buckets.values()].flat()]
    this.#fixed.length = 0
    this.#buckets.clear()
    this.#waiting = 0
    clearTimeout(this.#timer)
    return all
  }

  private expectAtLeastThese(): void {
    this.expect(this.#waiting + this.#items)
  }

  /** After the callers of this turn have added their items. */
  #pumpSoon(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #pump(): void {
    clearTimeout(this.#timer)
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) this.#start(batch)
    this.#wakeLater()
  }

  #next(): readonly E[] | undefined {
    const isFree = this.#batches < this.#sessions
    const most = this.runsAhead ? 2 * this.#sessions : this.#sessions
    if (this.#waiting === 0 || this.#batches >= most) return undefined
    if (isFree && this.#fixed.length > 0) return this.#fixed.shift()
    const { max, waitMs } = this.#rule
    const areAllHere = this.#waiting + this.#items >= this.#most
    const dueAt = clockMs() - waitMs
    let chosen: E[] | undefined
    for (const bucket of this.#buckets.values()) {
      const isReady = bucket.length >= max || (isFree && (areAllHere || since(bucket) <= dueAt))
      if (isReady && (chosen === undefined || since(bucket) < since(chosen))) chosen = bucket
    }
    if (chosen === undefined) return undefined
    const batch = chosen.splice(0, max)
    if (chosen.length === 0) this.#buckets.delete((batch[0] as E).bucket)
    return batch
  }

  #start(batch: readonly E[]): void {
    this.#waiting -= batch.length
    this.#batches++
    this.#items += batch.length
    const ended = (): void => {
      this.#batches--
      this.#items -= batch.length
      this.#pumpSoon()
    }
    this.#run(batch).then(ended, ended)
  }

  /** Only a free session needs the timer: otherwise the end of a batch comes first. */
  #wakeLater(): void {
    if (this.#batches >= this.#sessions || this.#buckets.size === 0) return
    const oldest = Math.min(...[...this.#buckets.values()].map(since))
    const delayMs = Math.max(0, oldest + this.#rule.waitMs - clockMs())
    // A timer may be early by a fraction of a millisecond.
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(delayMs))
  }
}

function since(bucket: readonly Waiting[]): number {
  return (bucket[0] as Waiting).since
}
