import { sizeOf } from '../engine/flow/size.ts'
import type { GraphListener } from '../engine/hooks/channels.ts'
import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import { TaskStage } from '../engine/stages/task-stage.ts'
import { LoopSilence } from '../loop-silence.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'

/** Interval between two looks at the loop, and while nothing is consumed, in milliseconds. */
const LOOK_MS = 10
const PAUSED_MS = 250
/** Looks between two changes of a stage. */
const LOOKS = 5
/** A silence is bridged for this many times its length, because calls differ. */
const MARGIN = 1.25
/** Maximum size of the results of the calls that bridge, in bytes. */
const MOST_BYTES = 2 ** 25

/**
 * Lets stages whose concurrency is tuned have more calls in flight while something blocks the event
 * loop again and again, such as a consumer that computes. Without them, threads that do the work
 * are idle during each silence, because the next calls begin only when the loop answers.
 *
 * The number is how many calls end during a silence (Little's law). With too few calls in flight,
 * fewer end, so it grows in steps until the threads are busy.
 */
export class SilenceBridge implements GraphListener {
  readonly #graph: Graph
  readonly #silence: LoopSilence = new LoopSilence()
  #stages: readonly Stage[] = []
  #tasks: number[] = []
  #looks = 0
  #readAt = 0
  #dueAt = 0
  #timer: Timer | undefined

  constructor(graph: Graph) {
    this.#graph = graph
  }

  started(): void {
    // The calls of a region are made on other loops.
    this.#stages = this.#graph.stages.filter(
      (stage) => stage.range !== undefined && stage instanceof TaskStage,
    )
    if (this.#stages.length === 0) return
    this.#tasks = this.#stages.map(({ tasks }) => tasks)
    this.#readAt = clockMs()
    this.#wait()
  }

  ended(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(): void {
    const ms = this.#graph.isPaused ? PAUSED_MS : LOOK_MS
    this.#dueAt = clockMs() + ms
    this.#timer = setTimeout(() => this.#look(), ms).unref()
  }

  #look(): void {
    const now = clockMs()
    this.#silence.note(Math.max(0, now - this.#dueAt), now)
    if (++this.#looks % LOOKS === 0) {
      const silenceMs = this.#silence.ms(clockMs)
      const passedMs = now - this.#readAt
      this.#readAt = now
      this.#stages.forEach((stage, i) => {
        const ended = stage.tasks - (this.#tasks[i] as number)
        this.#tasks[i] = stage.tasks
        const calls = bridgingCalls(ended / passedMs, silenceMs, resultBytes(stage))
        if (calls !== stage.bridging) this.#graph.reader.inScope(() => stage.bridge(calls))
      })
    }
    this.#wait()
  }
}

/**
 * How many more calls to have in flight.
 *
 * @param rate calls that end in a millisecond
 * @param silenceMs how long the loop may be silent; 0 if it answers fast
 * @param bytes size of a result
 */
export function bridgingCalls(rate: number, silenceMs: number, bytes: number): number {
  const calls = Math.ceil(rate * silenceMs * MARGIN)
  return Math.min(calls, Math.floor(MOST_BYTES / Math.max(1, bytes)))
}

function resultBytes(stage: Stage): number {
  const item = stage.exits.map((exit) => exit.peek()).find((one) => one !== undefined)
  return item === undefined || item.index < 0 ? 0 : sizeOf(item.value)
}
