import { nodeV8 } from '../../../builtins.ts'
import { clockMs, setImmediate } from '../../../timers.ts'
import { isMovable } from '../../transport/movable.ts'
import { notTransferable, toProcess } from '../../transport/not-transferable.ts'
import { copyAll, pack } from '../../transport/pack.ts'
import { toWire } from '../../transport/wire-error.ts'
import {
  BATCH,
  FIELDS,
  INPUT_DONE,
  ITEM_FAILED,
  RESULT,
  type WorkerReport,
} from '../region-protocol.ts'
import type { MainChannel } from './main-channel.ts'

/** How long a report may wait for others, in milliseconds. */
const HOLD_MS = 1

/** Position of the value in the entries that have one. */
const VALUE_AT: { readonly [code: number]: number } = { [RESULT]: 3, [BATCH]: 6, [ITEM_FAILED]: 7 }

/** A report without its entries. */
export type ReportState = Omit<WorkerReport, 'entries'>

/**
 * The entries that the worker has not sent yet. They are sent together: at the end of an event loop
 * turn, or when the first has waited one millisecond.
 */
export class RegionBatcher {
  readonly #port: MainChannel
  readonly #regionId: number
  readonly #read: (isTurnOver: boolean) => ReportState
  #entries: unknown[] = []
  #transfers: Set<ArrayBuffer> = new Set()
  #isScheduled = false
  #since = 0
  readonly #flushNow = (): void => {
    this.#isScheduled = false
    this.flush(true)
  }

  /**
   * `read`: reads the rest of a report. `regionId`: number of the region, for results that cannot
   * be sent.
   */
  constructor(port: MainChannel, regionId: number, read: (isTurnOver: boolean) => ReportState) {
    this.#port = port
    this.#regionId = regionId
    this.#read = read
  }

  /**
   * Adds entries: codes and their fields. Entries of one call arrive together. The buffers of a
   * result are transferred.
   */
  send(...entries: readonly (readonly unknown[])[]): void {
    if (entries.length === 0) return
    const isFirst = this.#entries.length === 0
    if (isFirst) this.#since = clockMs()
    for (const entry of entries) this.#add(entry)
    this.flushSoon()
    if (!isFirst && clockMs() - this.#since >= HOLD_MS) this.flush(false)
  }

  /**
   * Adds an entry that says that everything before it was reported, counts included; sent at the
   * end of the turn.
   */
  sendLast(entry: readonly unknown[]): void {
    this.#add(entry)
    this.flushSoon()
  }

  #add(entry: readonly unknown[]): void {
    const valueAt = VALUE_AT[entry[0] as number]
    this.#entries.push(...(valueAt === undefined ? entry : this.#packed(entry, valueAt)))
  }

  /**
   * An entry with a copy of its value. What the module writes to its own value before the message
   * leaves is not in it.
   */
  #packed(entry: readonly unknown[], valueAt: number): readonly unknown[] {
    const mayMove = entry[0] === ITEM_FAILED ? copyAll : isMovable
    try {
      return entry.with(valueAt, pack(entry[valueAt], this.#transfers, mayMove))
    } catch (cause) {
      return this.#instead(entry, valueAt, cause)
    }
  }

  /** Sends a report at the end of this turn. */
  flushSoon(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#flushNow)
  }

  /** `isTurnOver`: whether nothing else will happen in this turn. */
  flush(isTurnOver: boolean): void {
    const entries = this.#entries
    const transfers = this.#transfers
    this.#entries = []
    this.#transfers = new Set()
    const state = this.#read(isTurnOver)
    try {
      this.#port.post({ ...state, entries }, [...transfers])
    } catch {
      // Buffers that cannot be transferred, such as those of WebAssembly, can still be copied.
      this.#port.post({ ...state, entries: this.#sendable(entries) }, [])
    }
  }

  /** The entries, with replacements for values that cannot be sent. Such a result has failed. */
  #sendable(entries: readonly unknown[]): unknown[] {
    const sendable: unknown[] = []
    for (let at = 0; at < entries.length; ) {
      const end = at + 1 + (FIELDS[entries[at] as number] as number)
      sendable.push(...this.#replaced(entries.slice(at, end)))
      at = end
    }
    return sendable
  }

  #replaced(entry: unknown[]): readonly unknown[] {
    const valueAt = VALUE_AT[entry[0] as number]
    if (valueAt === undefined) return entry
    const value = entry[valueAt]
    try {
      if (this.#port.isProcess) nodeV8().serialize(value)
      else structuredClone(value)
      return entry
    } catch (cause) {
      return this.#instead(entry, valueAt, cause)
    }
  }

  /**
   * The replacement of an entry whose value cannot be sent: a result counts as failed, and a failed
   * item is reported without its value.
   */
  #instead(entry: readonly unknown[], valueAt: number, cause: unknown): readonly unknown[] {
    if (entry[0] === ITEM_FAILED) return entry.with(valueAt, undefined)
    const border = this.#port.isProcess ? toProcess : undefined
    const error = toWire(notTransferable(entry[valueAt], 'result', cause, border))
    const [code, who] = entry
    if (code === BATCH)
      return [ITEM_FAILED, who, undefined, this.#regionId, entry[4], 1, error, undefined]
    const part = (entry[2] as readonly number[] | undefined)?.join('.') ?? ''
    const failed = [ITEM_FAILED, [who], part, this.#regionId, -1, 1, error, undefined]
    return entry[4] === true ? [...failed, INPUT_DONE, who] : failed
  }
}
