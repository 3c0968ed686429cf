import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { performance } from 'node:perf_hooks'
import type { Queue } from '../engine/flow/queue.ts'
import type { Graph } from '../engine/run/graph.ts'
import { graphOf, type Pipeline } from '../engine/run/pipeline.ts'
import type { LoopPlace } from '../engine/stats/loop-blocks.ts'
import { SpindleError } from '../errors.ts'
import { integer, is, options, type Rules } from '../options/index.ts'
import { clockMs } from '../timers.ts'
import { QueueCounter, StageTrace, type TraceOut } from './stage-trace.ts'
import type { TraceEvent, TraceSink } from './trace-events.ts'
import { Lanes } from './trace-lanes.ts'
import { LoopTrack } from './trace-loop.ts'
import { ArraySink, StreamSink } from './trace-sink.ts'

/** Options of `trace()`. */
export interface TraceOptions {
  /**
   * Where the trace goes: the path of a file, which is overwritten; a writable stream, which stays
   * open; or an array.
   */
  readonly to: string | NodeJS.WritableStream | TraceEvent[]
  /**
   * Maximum number of events, an integer >= 1; later ones are counted and lost. Default 1 000 000
   * for an array, else `Infinity`.
   */
  readonly maxEvents?: number
  /**
   * Maximum number of bytes that may wait for a file or stream, an integer >= 1; above it, events
   * are counted and lost. Default 16 MiB.
   */
  readonly maxBufferedBytes?: number
}

const MOST_IN_ARRAY = 1_000_000

const traceOptions = options('TraceOptions', {
  to: is('a file name, a writable stream, or an array', isTarget, { required: true }),
  maxEvents: integer({ min: 1, orInfinity: true, unit: 'events' }),
  maxBufferedBytes: integer({ min: 1, default: 16 * 2 ** 20 }),
} satisfies Rules<TraceOptions>)

function isTarget(to: unknown): boolean {
  const isStream = typeof (to as NodeJS.WritableStream | undefined)?.write === 'function'
  return Array.isArray(to) || (typeof to === 'string' && to !== '') || isStream
}

/** Result of a trace. */
export interface TraceSummary {
  /** Number of events written. */
  readonly events: number
  /** Number of events lost because there was no room. */
  readonly lost: number
}

const LOOP_LANE = 1
const BLOCKS_LANE = 2
const FIRST_LANE = 10

/**
 * Records what a pipeline does, for ui.perfetto.dev (or chrome://tracing). The trace shows when the
 * event loop was busy and idle, and what blocked it. It shows each task on a lane of its stage, one
 * lane per slot; ops in worker threads and processes on lanes of their own; and the lengths of the
 * queues. It begins at once, at any time of the run, and ends with {@link Trace.stop} or with the
 * pipeline.
 *
 * Tracing makes a pipeline slower: each task costs 3 to 4 us. Without a trace there is no cost.
 *
 * @throws `ERR_BAD_OPTION`; `ERR_BAD_STATE` if the pipeline is already being traced.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder, trace, type TraceEvent } from 'spindle'
 *
 * const events: TraceEvent[] = []
 * const pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe(async (n) => n * 2, { name: 'double' }).build()
 * const tracing = trace(pipeline, { to: events })
 * await pipeline.forEach(() => {})
 * await tracing.stop()
 * assert.equal(events.filter((event) => event.cat === 'task' && event.name === 'double').length, 3)
 * ```
 */
export function trace<T>(pipeline: Pipeline<T>, options: TraceOptions): Trace {
  const { to, maxBufferedBytes, ...given } = traceOptions.check(options)
  const { maxEvents = Array.isArray(to) ? MOST_IN_ARRAY : Number.POSITIVE_INFINITY } = given
  const sink = sinkOf(to, maxEvents, maxBufferedBytes)
  return new Trace(graphOf(pipeline as unknown as Pipeline<never>), sink, maxEvents)
}

function sinkOf(to: TraceOptions['to'], maxEvents: number, maxBufferedBytes: number): TraceSink {
  if (Array.isArray(to)) return new ArraySink(to, maxEvents)
  return typeof to === 'string'
    ? StreamSink.file(to, maxBufferedBytes)
    : new StreamSink(to, false, maxBufferedBytes)
}

/** A running trace. Made by {@link trace}. */
export class Trace implements AsyncDisposable {
  readonly #graph: Graph
  readonly #sink: TraceSink
  readonly #maxEvents: number
  readonly #loop: LoopTrack
  readonly #stages: readonly StageTrace[]
  readonly #workers: Map<string, Lanes> = new Map()
  readonly #startedAt: number = clockMs()
  readonly #epochAt: number = performance.timeOrigin + clockMs()
  readonly #listener = { started: (): void => {}, ended: (): void => this.#end() }
  readonly #onBlock = (message: unknown): void => this.#block(message as BlockEvent)
  #nextLane = FIRST_LANE
  #hasBlocks = false
  #events = 0
  #lost = 0
  #ended: Promise<void> | undefined

  /** @internal */
  constructor(graph: Graph, sink: TraceSink, maxEvents: number) {
    if (graph.stages.some((stage) => stage.tracer !== undefined))
      throw new SpindleError('ERR_BAD_STATE', 'the pipeline is already being traced')
    this.#graph = graph
    this.#sink = sink
    this.#maxEvents = maxEvents
    this.#meta('process_name', LOOP_LANE, { name: 'program' })
    this.#lane(LOOP_LANE, 'event loop', 0)
    this.#loop = new LoopTrack((isBusy, from, to) =>
      this.#stretch(isBusy ? 'busy' : 'stand-by', 'loop', LOOP_LANE, from, to),
    )
    const out: TraceOut = {
      note: () => this.#loop.note(),
      lanes: (name, order) => this.#lanesOf(name, order),
      stretch: (name, cat, tid, from, to, args) => this.#stretch(name, cat, tid, from, to, args),
      loopStretch: (name, from, to) => this.#stretch(name, 'call', LOOP_LANE, from, to),
      counter: (name, at, value) => this.#counter(name, at, value),
      span: (name, pid, thread, from, to, index) => this.#span(name, pid, thread, from, to, index),
    }
    const queues = countersOf(graph)
    this.#stages = graph.stages.map((stage) => {
      const around = [...stage.inputs, ...stage.exits].flatMap((queue) => queues.get(queue) ?? [])
      return new StageTrace(stage, around, out)
    })
    for (const stage of this.#stages) stage.attach()
    graph.listeners.add(this.#listener)
    subscribe('spindle:loop:block', this.#onBlock)
    if (graph.endedAt > 0) this.#end()
  }

  /**
   * Ends the trace and resolves when it is written. Tasks in flight are written up to now. Rejects
   * if the file or stream failed.
   */
  async stop(): Promise<TraceSummary> {
    this.#end()
    await this.#ended
    return { events: this.#events, lost: this.#lost }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #end(): void {
    if (this.#ended !== undefined) return
    this.#graph.blocks.refresh()
    for (const stage of this.#stages) stage.detach()
    this.#loop.end()
    this.#graph.listeners.delete(this.#listener)
    unsubscribe('spindle:loop:block', this.#onBlock)
    this.#ended = this.#sink.end()
    // A caller that does not wait must not get an unhandled rejection.
    this.#ended.catch(() => {})
  }

  #write(event: TraceEvent): void {
    if (this.#events < this.#maxEvents && this.#sink.write(event)) this.#events++
    else this.#lost++
  }

  /** Converts a time of `performance.now()` to microseconds since the trace began. */
  #micros(at: number): number {
    return Math.max(0, Math.round((at - this.#startedAt) * 1000))
  }

  #stretch(
    name: string,
    cat: string,
    tid: number,
    from: number,
    to: number,
    args?: TraceEvent['args'],
  ): void {
    const ts = this.#micros(from)
    const dur = Math.max(0, this.#micros(to) - ts)
    this.#write({
      name,
      cat,
      ph: 'X',
      ts,
      dur,
      pid: process.pid,
      tid,
      ...(args === undefined ? {} : { args }),
    })
  }

  #counter(name: string, at: number, value: number): void {
    this.#write({
      name,
      ph: 'C',
      ts: this.#micros(at),
      pid: process.pid,
      tid: LOOP_LANE,
      args: { items: value },
    })
  }

  #meta(name: string, tid: number, args: TraceEvent['args'], pid: number = process.pid): void {
    this.#write({ name, ph: 'M', ts: 0, pid, tid, args: args ?? {} })
  }

  #lane(tid: number, name: string, order: number, pid: number = process.pid): void {
    this.#meta('thread_name', tid, { name }, pid)
    this.#meta('thread_sort_index', tid, { sort_index: order }, pid)
  }

  #lanesOf(name: string, order: number, pid: number = process.pid): Lanes {
    return new Lanes((lane) => {
      const tid = this.#nextLane++
      this.#lane(tid, lane === 0 ? name : `${name} #${lane + 1}`, order + lane, pid)
      return tid
    })
  }

  /**
   * Writes an op that ran in a worker. Worker times are milliseconds since 1970, converted to this
   * thread's clock.
   */
  #span(name: string, pid: number, thread: number, from: number, to: number, index: number): void {
    const key = `${pid} ${thread}`
    let lanes = this.#workers.get(key)
    if (lanes === undefined) {
      if (pid !== process.pid) this.#meta('process_name', thread, { name: 'worker process' }, pid)
      lanes = this.#lanesOf(
        thread === 0 ? 'main thread' : `worker thread ${thread}`,
        1_000_000 + thread * 1000,
        pid,
      )
      this.#workers.set(key, lanes)
    }
    const ts = Math.max(0, Math.round((from - this.#epochAt) * 1000))
    const end = Math.max(ts, Math.round((to - this.#epochAt) * 1000))
    this.#write({
      name,
      cat: 'worker',
      ph: 'X',
      ts,
      dur: end - ts,
      pid,
      tid: lanes.place(ts, end),
      args: { index },
    })
  }

  #block({ pipeline, at, beganAt, ms }: BlockEvent): void {
    if (pipeline !== this.#graph.pipelineId) return
    if (!this.#hasBlocks) this.#lane(BLOCKS_LANE, 'blocked the loop', 1)
    this.#hasBlocks = true
    const from = beganAt - performance.timeOrigin
    const { stage, function: name, where } = at
    this.#stretch(name, 'block', BLOCKS_LANE, from, from + ms, {
      stage: stage ?? at.place,
      where: where ?? '',
    })
  }
}

function countersOf(graph: Graph): ReadonlyMap<Queue, QueueCounter> {
  const counters = new Map<Queue, QueueCounter>()
  for (const { info, exits } of graph.stages) {
    exits.forEach((queue, i) => {
      const path = exits.length > 1 ? `, path ${i}` : ''
      counters.set(queue, new QueueCounter(queue, `queue after ${info.name}${path} (${info.id})`))
    })
  }
  return counters
}

interface BlockEvent {
  readonly pipeline: number
  readonly at: LoopPlace
  readonly beganAt: number
  readonly ms: number
}
