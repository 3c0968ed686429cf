import { serialize } from 'node:v8'
import { clockMs, setImmediate } from '../../../timers.ts'
import { isMovable } from '../../transport/move.ts'
import { notTransferable, toProcess } from '../../transport/not-transferable.ts'
import { copyAll, pack } from '../../transport/pack.ts'
import { toWire } from '../../transport/wire-error.ts'
import { BATCH, DONE, FAILED, FIELDS, OUTPUT, type WorkerReport } from '../region-protocol.ts'
import type { RegionPort } from './region-port.ts'

/** What is told waits at most so long for company, in milliseconds. */
const HOLD_MS = 1

/** Where the value is in the entries that have one. */
const VALUE_AT: { readonly [code: number]: number } = { [OUTPUT]: 3, [BATCH]: 6, [FAILED]: 7 }

/** All of a report but what has happened. */
export type ReportState = Omit<WorkerReport, 'entries'>

/**
 * What the worker has not told yet. It leaves together: at the end of a turn, or when the first has
 * waited a millisecond.
 */
export class RegionBatcher {
  readonly #port: RegionPort
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
   * `read`: reads what a report says besides. `regionId`: number of the region, for results that
   * cannot be sent.
   */
  constructor(port: RegionPort, regionId: number, read: (isTurnOver: boolean) => ReportState) {
    this.#port = port
    this.#regionId = regionId
    this.#read = read
  }

  /**
   * Tells what has happened: codes and their fields. What is told together arrives together. A
   * result's buffers are given away.
   */
  tell(...entries: readonly (readonly unknown[])[]): void {
    if (entries.length === 0) return
    const isFirst = this.#entries.length === 0
    if (isFirst) this.#since = clockMs()
    for (const entry of entries) this.#add(entry)
    this.flushSoon()
    if (!isFirst && clockMs() - this.#since >= HOLD_MS) this.flush(false)
  }

  /** Tells what says that all before it is told, counts included: at the end of the turn. */
  tellLast(entry: readonly unknown[]): void {
    this.#add(entry)
    this.flushSoon()
  }

  #add(entry: readonly unknown[]): void {
    const valueAt = VALUE_AT[entry[0] as number]
    this.#entries.push(...(valueAt === undefined ? entry : this.#packed(entry, valueAt)))
  }

  /**
   * An entry with its value as it is now: what the module writes to its own before the message
   * leaves is not in it.
   */
  #packed(entry: readonly unknown[], valueAt: number): readonly unknown[] {
    const mayMove = entry[0] === FAILED ? copyAll : isMovable
    try {
      return entry.with(valueAt, pack(entry[valueAt], this.#transfers, mayMove))
    } catch (cause) {
      return this.#instead(entry, valueAt, cause)
    }
  }

  /** Tells how things stand at the end of this turn. */
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
      // Buffers that cannot be given away, as those of WebAssembly, can still be copied.
      this.#port.post({ ...state, entries: this.#sendable(entries) }, [])
    }
  }

  /** The entries without values that cannot be sent: such a result has failed. */
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
      if (this.#port.isProcess) serialize(value)
      else structuredClone(value)
      return entry
    } catch (cause) {
      return this.#instead(entry, valueAt, cause)
    }
  }

  /**
   * What is told instead of an entry whose value cannot be sent: a result has failed, a failed item
   * is told without itself.
   */
  #instead(entry: readonly unknown[], valueAt: number, cause: unknown): readonly unknown[] {
    if (entry[0] === FAILED) return entry.with(valueAt, undefined)
    const border = this.#port.isProcess ? toProcess : undefined
    const error = toWire(notTransferable(entry[valueAt], 'result', cause, border))
    const [code, who] = entry
    if (code === BATCH)
      return [FAILED, who, undefined, this.#regionId, entry[4], 1, error, undefined]
    const part = (entry[2] as readonly number[] | undefined)?.join('.') ?? ''
    const failed = [FAILED, [who], part, this.#regionId, -1, 1, error, undefined]
    return entry[4] === true ? [...failed, DONE, who] : failed
  }
}
