import type { WorkerSpan } from '../engine/executor.ts'
import type { Queue } from '../engine/flow/queue.ts'
import type { StageTracer } from '../engine/hooks/tracer.ts'
import type { Stage } from '../engine/stages/stage.ts'
import type { TraceEvent } from './trace-events.ts'
import type { Lanes } from './trace-lanes.ts'

/**
 * Receives a stage's events. Times are `performance.now()`; those of workers are milliseconds since 1970.
 */
export interface TraceOut {
  /** Notes activity on the event loop. Returns the time. */
  note(): number
  lanes(name: string, order: number): Lanes
  stretch(
    name: string,
    cat: string,
    tid: number,
    from: number,
    to: number,
    args?: TraceEvent['args'],
  ): void
  loopStretch(name: string, from: number, to: number): void
  counter(name: string, at: number, value: number): void
  span(name: string, process: number, thread: number, from: number, to: number, index: number): void
}

interface OpenTask {
  readonly lane: number
  readonly beganAt: number
  readonly index: number
}

/** Minimum distance of two values of a queue's counter, in milliseconds. */
const COUNTER_MS = 0.2
const LANES_PER_STAGE = 1000

/** Traces the tasks of one stage. */
export class StageTrace implements StageTracer {
  readonly #stage: Stage
  readonly #out: TraceOut
  readonly #lanes: Lanes
  readonly #open: Map<object, OpenTask> = new Map()
  readonly #queues: readonly QueueCounter[]
  #calledAt = 0

  constructor(stage: Stage, queues: readonly QueueCounter[], out: TraceOut) {
    this.#stage = stage
    this.#queues = queues
    this.#out = out
    const { id, name } = stage.info
    this.#lanes = out.lanes(name, (id + 1) * LANES_PER_STAGE)
  }

  attach(): void {
    this.#stage.trace(this)
    this.#count(this.#out.note(), true)
  }

  /** Ends tracing. Tasks in flight are written up to now. */
  detach(): void {
    const now = this.#out.note()
    this.#stage.trace(undefined)
    for (const task of this.#open.values()) this.#close(task, now, 'unfinished')
    this.#open.clear()
    this.#count(now, true)
  }

  begin(key: object, index: number): void {
    const now = this.#out.note()
    this.#open.set(key, { lane: this.#lanes.take(), beganAt: now, index })
    this.#count(now)
  }

  called(): void {
    this.#calledAt = this.#out.note()
  }

  returned(): void {
    this.#out.loopStretch(this.#stage.info.name, this.#calledAt, this.#out.note())
  }

  end(key: object, isOk: boolean): void {
    const now = this.#out.note()
    const task = this.#open.get(key)
    if (task === undefined) return
    this.#open.delete(key)
    this.#close(task, now, isOk ? undefined : 'failed')
    this.#lanes.release(task.lane)
    this.#count(now)
  }

  ran(key: object, { process, thread, beganAt, endedAt }: WorkerSpan): void {
    const index = this.#open.get(key)?.index ?? -1
    this.#out.span(this.#stage.info.name, process, thread, beganAt, endedAt, index)
  }

  #close({ lane, beganAt, index }: OpenTask, now: number, outcome: string | undefined): void {
    const args = outcome === undefined ? { index } : { index, outcome }
    this.#out.stretch(this.#stage.info.name, 'task', this.#lanes.idOf(lane), beganAt, now, args)
  }

  #count(now: number, always = false): void {
    for (const queue of this.#queues) queue.write(this.#out, now, always)
  }
}

/** Traces the length of one queue. */
export class QueueCounter {
  readonly #queue: Queue
  readonly #name: string
  #written = -1
  #writtenAt = Number.NEGATIVE_INFINITY

  constructor(queue: Queue, name: string) {
    this.#queue = queue
    this.#name = name
  }

  write(out: TraceOut, now: number, always: boolean): void {
    const { length } = this.#queue
    if (length === this.#written || (!always && now - this.#writtenAt < COUNTER_MS)) return
    this.#written = length
    this.#writtenAt = now
    out.counter(this.#name, now, length)
  }
}
