import type { ColumnBatch } from 'spindle/source'
import { withSource } from '../../../base/errors.ts'
import { type BatchForm, batchOf, type Part } from './batch.ts'
import {
  type DecodedGroup,
  type GroupPlan,
  GroupReader,
  sizeOf,
  type TableGroup,
} from './read-groups.ts'

/** Which batches there are, and how they are read. */
export interface BatchPlan extends GroupPlan {
  /** All row groups, in order; `start` counts their rows. */
  readonly groups: readonly TableGroup[]
  /** Rows of a batch; `undefined`: each row group is a batch. */
  readonly batchRows: number | undefined
  /** Memory for row groups that are read before they are needed. */
  readonly readAheadBytes: number
  readonly form: BatchForm
  readonly signal: AbortSignal | undefined
}

/** Positions that are looked at ahead, at most. */
const MOST_AHEAD = 4096

/** Files that stay open although they may not be needed again. */
const MOST_FILES = 8

/** The number of batches. */
export function batchCount({ groups, batchRows }: BatchPlan): number {
  if (batchRows === undefined) return groups.length
  const last = groups.at(-1)
  return last === undefined ? 0 : Math.ceil((last.start + last.rows) / batchRows)
}

/**
 * The batches at `positions`. Row groups that the next positions need are read and decoded ahead,
 * within `readAheadBytes`; each is let go when no known position needs it.
 */
export async function* readBatches(
  positions: Iterable<number>,
  plan: BatchPlan,
): AsyncGenerator<ColumnBatch, void, void> {
  const ahead = new GroupsAhead(positions, plan)
  try {
    for (;;) {
      const next = await ahead.next()
      if (next === undefined) return
      const groups: DecodedGroup[] = []
      for (const group of next.groups) groups.push(await group)
      plan.signal?.throwIfAborted()
      const parts = plan.columns.map((_, column) => partsOf(next, groups, column))
      const { file } = plan.groups[next.first]!
      try {
        yield batchOf(plan.columns, parts, plan.form)
      } catch (error) {
        throw withSource(error, file.name)
      }
    }
  } finally {
    await ahead.close()
  }
}

/** The rows of a batch, and the row groups that have them. */
interface Span {
  /** The first row group, by its number. */
  readonly first: number
  /** Rows of each row group. */
  readonly rows: readonly (readonly [start: number, end: number])[]
}

interface Pending extends Span {
  readonly groups: readonly Promise<DecodedGroup>[]
}

function partsOf({ rows }: Span, groups: readonly DecodedGroup[], column: number): Part[] {
  return groups.flatMap(({ columns, picked }, at): Part[] => {
    const [start, end] = rows[at]!
    const raw = columns[column]
    if (raw === undefined) return []
    if (picked === undefined) return [{ column: raw, start, end }]
    return [{ column: raw, start: firstFrom(picked, start), end: firstFrom(picked, end) }]
  })
}

/** Index of the first row of `rows` that is `row` or later. */
function firstFrom(rows: Int32Array, row: number): number {
  let low = 0
  for (let high = rows.length; low < high; ) {
    const middle = (low + high) >> 1
    if (rows[middle]! < row) low = middle + 1
    else high = middle
  }
  return low
}

/** Looks at positions ahead, and reads the row groups that they need. */
class GroupsAhead {
  readonly #plan: BatchPlan
  readonly #reader: GroupReader
  readonly #positions: Iterator<number>
  /** Positions that were pulled and whose batches were not given. */
  readonly #queue: Span[] = []
  /** How many of them have all their row groups in `#reading`. */
  #begun = 0
  /** How many of them need each row group. */
  readonly #uses = new Map<number, number>()
  /** Row groups that are read or were read. */
  readonly #reading = new Map<number, Promise<DecodedGroup>>()
  /** Memory of those that the next batch does not need. */
  #bytes = 0
  #isDone = false

  constructor(positions: Iterable<number>, plan: BatchPlan) {
    this.#plan = plan
    this.#reader = new GroupReader(plan)
    this.#positions = positions[Symbol.iterator]()
  }

  /** The next batch; its row groups may not be there yet. Those of the one before must be. */
  async next(): Promise<Pending | undefined> {
    await this.#closeFiles()
    const span = this.#queue[0] ?? this.#pull()
    if (span === undefined) return undefined
    if (this.#begun === 0) this.#begin(span)
    const groups = span.rows.map((_, at) => this.#reading.get(span.first + at)!)
    this.#bytes = 0
    for (const group of this.#reading.keys())
      if (group < span.first || group >= span.first + span.rows.length)
        this.#bytes += this.#sizeOf(group)
    this.#readAhead()
    this.#queue.shift()
    this.#begun--
    for (let at = 0; at < span.rows.length; at++) this.#release(span.first + at)
    return { ...span, groups }
  }

  async close(): Promise<void> {
    this.#isDone = true
    this.#positions.return?.()
    await Promise.allSettled(this.#reading.values())
    await this.#reader.close()
  }

  #sizeOf(group: number): number {
    return sizeOf(this.#plan.groups[group]!, this.#plan.columns)
  }

  #begin(span: Span): void {
    this.#begun++
    for (let at = 0; at < span.rows.length; at++) {
      const group = span.first + at
      if (this.#reading.has(group)) continue
      const reading = this.#reader.read(this.#plan.groups[group]!)
      // A failure is reported by the batch that needs the group.
      reading.catch(() => undefined)
      this.#reading.set(group, reading)
    }
  }

  /** Begins to read what comes, while there is memory for it. */
  #readAhead(): void {
    while (this.#begun < MOST_AHEAD) {
      const span = this.#queue[this.#begun] ?? this.#pull()
      if (span === undefined) return
      let more = 0
      for (let at = 0; at < span.rows.length; at++)
        if (!this.#reading.has(span.first + at)) more += this.#sizeOf(span.first + at)
      if (more > 0 && this.#bytes + more > this.#plan.readAheadBytes) return
      this.#bytes += more
      this.#begin(span)
    }
  }

  #pull(): Span | undefined {
    if (this.#isDone) return undefined
    const step = this.#positions.next()
    if (step.done === true) {
      this.#isDone = true
      return undefined
    }
    const span = spanOf(step.value, this.#plan)
    this.#queue.push(span)
    for (let at = 0; at < span.rows.length; at++) {
      const group = span.first + at
      this.#uses.set(group, (this.#uses.get(group) ?? 0) + 1)
    }
    return span
  }

  #release(group: number): void {
    const uses = this.#uses.get(group)! - 1
    if (uses > 0) this.#uses.set(group, uses)
    else {
      this.#uses.delete(group)
      this.#reading.delete(group)
    }
  }

  async #closeFiles(): Promise<void> {
    if (this.#reader.openFiles <= MOST_FILES) return
    const inUse = [...this.#reading.keys()].map((group) => this.#plan.groups[group]!.file)
    await this.#reader.close(new Set(inUse))
  }
}

function spanOf(position: number, { groups, batchRows }: BatchPlan): Span {
  if (batchRows === undefined) return { first: position, rows: [[0, groups[position]!.rows]] }
  const start = position * batchRows
  const end = start + batchRows
  const first = groupAt(groups, start)
  const rows: [number, number][] = []
  for (let at = first; at < groups.length && groups[at]!.start < end; at++) {
    const group = groups[at]!
    rows.push([Math.max(0, start - group.start), Math.min(group.rows, end - group.start)])
  }
  return { first, rows }
}

function groupAt(groups: readonly TableGroup[], row: number): number {
  let low = 0
  for (let high = groups.length; high - low > 1; ) {
    const middle = (low + high) >> 1
    if (groups[middle]!.start <= row) low = middle
    else high = middle
  }
  return low
}
