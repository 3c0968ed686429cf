// A pipeline of formulas: one stage, whose rate is a function of its concurrency. Time is a number,
// so every run is the same.

import type { TuneSample, TuningMove, UnitSample } from '../../src/tune/tune-types.ts'
import { Tuner } from '../../src/tune/tuner.ts'

export interface WorldSpec {
  /** Items a second that the stage gives with so many calls at a time. */
  readonly perSec: (concurrency: number, atMs: number) => number
  /** Items a second that the consumer takes. Default: any number. */
  readonly consumerPerSec?: number
  readonly start: number
  readonly min?: number
  readonly max?: number
  readonly mode?: 'once' | 'continuous'
  /** Share of calls with retries. */
  readonly troubles?: (concurrency: number) => number
  readonly itemBytes?: number
  readonly memoryBytes?: number
  /** Whether calls that begin together also end together, so that items arrive in bursts. */
  readonly isInStep?: boolean
  /** Cores of two that other processes use. Default: none. */
  readonly othersCores?: (atMs: number) => number
}

export class World {
  readonly tuner: Tuner
  readonly concurrencies: number[] = []
  value: number
  buffer = 2
  atMs = 0
  items = 0
  readonly #spec: WorldSpec
  readonly #sums = {
    tasks: 0,
    busyMs: 0,
    slotMs: 0,
    blockedMs: 0,
    troubles: 0,
    timedMs: 0,
    waitMs: 0,
    fullMs: 0,
    othersMs: 0,
  }
  #waitMs = 50
  /** Calls in step: how many run, and the share of them that is done. */
  #batch: number
  #done = 0

  constructor(spec: WorldSpec) {
    this.#spec = spec
    this.value = spec.start
    this.#batch = spec.start
    const { min = 1, max = 256, mode = 'continuous', memoryBytes = 1e12 } = spec
    const buffer = { min: 2, max: 64, value: 2 }
    this.tuner = new Tuner({
      mode,
      memoryBytes,
      units: [{ name: 'stage', option: 'concurrency', min, max, value: spec.start, buffer }],
    })
  }

  get moves(): readonly TuningMove[] {
    return this.tuner.moves
  }

  /** The number without a move that is still being measured, and what it gives. */
  get kept(): { readonly value: number; readonly perSec: number } {
    const pending = this.moves.find(
      ({ outcome, option }) => outcome === 'pending' && option === 'concurrency',
    )
    const value = pending?.from ?? this.value
    return { value, perSec: this.#spec.perSec(value, this.atMs) }
  }

  /** What it gives now, items a second. */
  get perSec(): number {
    return Math.min(this.#able, this.#spec.consumerPerSec ?? Number.POSITIVE_INFINITY)
  }

  get #able(): number {
    return this.#spec.perSec(this.value, this.atMs)
  }

  run(untilMs: number): this {
    while (this.atMs < untilMs && !this.tuner.isDone) {
      this.#pass(this.#waitMs)
      const { changes, waitMs } = this.tuner.next(this.#sample())
      this.#waitMs = waitMs
      for (const { option, value } of changes) {
        if (option === 'buffer') this.buffer = value
        else this.value = value
      }
      this.concurrencies.push(this.value)
    }
    return this
  }

  #pass(ms: number): void {
    if (this.#spec.isInStep === true) this.#passInStep(ms)
    else this.#passEvenly(ms)
  }

  #passInStep(ms: number): void {
    const sums = this.#sums
    for (let at = 0; at < ms; at++) {
      this.atMs++
      sums.slotMs += this.value
      sums.busyMs += Math.min(this.value, this.#batch)
      sums.waitMs++
      this.#done += this.#spec.perSec(this.#batch, this.atMs) / 1000
      if (this.#done < this.#batch) continue
      this.items += this.#batch
      sums.tasks += this.#batch
      sums.timedMs += this.#batch * (this.#batch / this.#spec.perSec(this.#batch, this.atMs)) * 1000
      this.#done = 0
      this.#batch = this.value
    }
  }

  #passEvenly(ms: number): void {
    const sums = this.#sums
    const able = this.#able
    const rate = this.perSec / 1000
    const share = able > 0 ? (rate * 1000) / able : 0
    this.atMs += ms
    sums.othersMs += ms * (this.#spec.othersCores?.(this.atMs) ?? 0)
    this.items += rate * ms
    sums.tasks += rate * ms
    sums.slotMs += this.value * ms
    sums.busyMs += this.value * share * ms
    sums.blockedMs += this.value * (1 - share) * ms
    sums.timedMs += this.value * share * ms
    sums.waitMs += share < 1 ? 0 : ms * (1 - rate / ((this.#spec.consumerPerSec ?? 1e9) / 1000))
    sums.fullMs += share < 1 ? ms : 0
    sums.troubles += rate * ms * (this.#spec.troubles?.(this.value) ?? 0)
  }

  #sample(): TuneSample {
    const { tasks, busyMs, slotMs, blockedMs, troubles, timedMs, waitMs, fullMs, othersMs } =
      this.#sums
    const { itemBytes = 0 } = this.#spec
    const unit: UnitSample = {
      tasks,
      busyMs,
      queuedMs: 0,
      blockedMs,
      slotMs,
      troubles,
      timed: tasks,
      timedMs,
      slowMs: (this.value / Math.max(1, this.#able)) * 1000,
      emitted: tasks,
      loopMs: 0,
      emptyMs: 0,
      fullMs,
      itemBytes,
      running: this.#spec.isInStep === true ? this.#batch : this.value,
      waiting: 0,
    }
    return {
      atMs: this.atMs,
      items: this.items,
      waitMs,
      cpuMs: 0,
      othersMs,
      cores: 2,
      memoryBytes: this.value * itemBytes,
      loopDelayMs: 0,
      units: [unit],
    }
  }
}
