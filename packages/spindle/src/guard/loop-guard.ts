import { badOption, checkOptions } from '../check.ts'
import { channels } from '../engine/channels.ts'
import type { Graph } from '../engine/graph.ts'
import type { LoopPlace } from '../engine/loop-blocks.ts'
import { isInside } from '../engine/marker.ts'
import type { LoopGuardOptions } from '../engine/types.ts'
import { callListener } from '../user-code.ts'
import { type PlacedBlock, placeBlock } from './block-place.ts'
import { loadInspector } from './function-places.ts'
import type { BlockMessage } from './watch-protocol.ts'
import { readBlocks, unwatch, type Watcher, watch } from './watchdog.ts'

const DEFAULT_THRESHOLD_MS = 10
/** A stage is warned of when it has held the loop for so many times the threshold, and for so much of the time: a short block now and then is no news. */
const THRESHOLDS_TO_WARN = 3
const SHARE_TO_WARN = 0.01

/** Checks the option `loopGuard`. @throws `ERR_BAD_OPTION` */
export function checkLoopGuard(options: unknown): void {
  if (options === undefined || options === false) return
  if (typeof options !== 'object' || options === null)
    badOption('loopGuard', 'false or an object of options', options)
  checkOptions(options, ['thresholdMs'])
  const { thresholdMs } = options as LoopGuardOptions
  if (thresholdMs !== undefined && (typeof thresholdMs !== 'number' || !(thresholdMs >= 2)))
    badOption('loopGuard.thresholdMs', 'a number of milliseconds >= 2', thresholdMs)
}

/** Has a pipeline's loop watched while it runs. */
export function guardLoop(graph: Graph, options: LoopGuardOptions = {}): void {
  const guard = new LoopGuard(graph, options.thresholdMs ?? DEFAULT_THRESHOLD_MS)
  graph.listeners.add({
    started: () => {
      void loadInspector()
      watch(guard)
    },
    ended: () => unwatch(guard),
  })
  graph.blocks.refresh = readBlocks
}

/** A block that has not ended. */
interface Open {
  readonly block: PlacedBlock
  readonly ms: number
  readonly running: number
}

interface Held {
  ms: number
  /** How often it was seen: in different blocks, or at different times of one. */
  seen: number
  isTold: boolean
}

/** What one pipeline makes of the blocks of its loop. */
class LoopGuard implements Watcher {
  readonly thresholdMs: number
  readonly #graph: Graph
  readonly #open: Map<number, Open> = new Map()
  /** What each stage has held the loop for. */
  readonly #held: Map<string, Held> = new Map()

  constructor(graph: Graph, thresholdMs: number) {
    this.#graph = graph
    this.thresholdMs = thresholdMs
  }

  running(): readonly number[] {
    const marks: number[] = []
    for (const stage of this.#graph.stages) if (stage.running > 0) marks.push(stage.mark, stage.running)
    return marks
  }

  blocked(message: BlockMessage): void {
    // Another pipeline may want to know of shorter ones, and this one may not have been there.
    if (message.ms < this.thresholdMs && !this.#open.has(message.id)) return
    if (!isInside(message.word) && message.beganAt < performance.timeOrigin + this.#graph.startedAt) return
    const known = this.#open.get(message.id)
    const block = known?.block ?? placeBlock(this.#graph, message)
    if (block === undefined) return
    const { ms } = message
    const running = known?.running ?? this.#othersRunning(block, message)
    const addedMs = ms - (known?.ms ?? 0)
    this.#graph.blocks.add(block.at, {
      count: known === undefined ? 1 : 0,
      addedMs,
      lengthMs: ms,
      lostMs: addedMs * running,
      stack: block.stack,
    })
    if (message.isOver) {
      this.#open.delete(message.id)
      if (channels.loopBlock.hasSubscribers)
        channels.loopBlock.publish({
          pipeline: this.#graph.pipelineId,
          at: block.at,
          beganAt: message.beganAt,
          ms,
        })
    } else this.#open.set(message.id, { block, ms, running })
    this.#mayWarn(block, message, addedMs)
  }

  /** Calls that other stages had in flight. */
  #othersRunning({ owner }: PlacedBlock, { samples }: BlockMessage): number {
    const running = samples[0]?.running ?? this.running()
    const own = new Set(this.#graph.stages.map(({ mark }) => mark))
    let sum = 0
    for (let at = 0; at < running.length; at += 2) {
      const mark = running[at] as number
      if (own.has(mark) && mark !== owner?.mark) sum += running[at + 1] as number
    }
    return sum
  }

  #mayWarn({ at, owner }: PlacedBlock, { samples, isOver }: BlockMessage, addedMs: number): void {
    if (at.place === 'other') return
    const key = owner === undefined ? at.place : `stage ${owner.info.id}`
    const held = this.#held.get(key) ?? { ms: 0, seen: 0, isTold: false }
    this.#held.set(key, held)
    held.ms += addedMs
    if (isOver) held.seen += samples.length > 1 ? 2 : 1
    // The collector or a halted machine may strike anybody: seen once, it says nothing; nor if it is little in a long run.
    const isMuch =
      held.ms >= this.thresholdMs * THRESHOLDS_TO_WARN && held.ms >= this.#graph.elapsedMs * SHARE_TO_WARN
    if (held.isTold || held.seen < 2 || !isMuch) return
    held.isTold = true
    this.#warn(warningOf(at, owner?.info.where, held.ms))
  }

  #warn(message: string): void {
    const { logger } = this.#graph.options
    if (logger === undefined) {
      process.emitWarning(message, { code: 'SPINDLE_LOOP_BLOCKED' })
      return
    }
    this.#graph.outlet.inScope(() => callListener(() => logger.warn(`spindle: ${message}`)))
  }
}

function warningOf(at: LoopPlace, added: string | undefined, heldMs: number): string {
  const whose = at.place === 'consumer' ? 'the consumer' : `stage "${at.stage}"`
  const place = at.where === undefined ? '' : ` (${at.where})`
  const line = added === undefined || at.place === 'consumer' ? '' : `, added at ${added},`
  const remedy =
    at.place === 'consumer'
      ? 'give that work to a stage whose op runs in a worker thread (workerModule), or let it await something now and then'
      : `run it in a worker thread: export the op from a module and give pipe() workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${at.function === 'anonymous function' || at.function === 'native code' ? 'op' : at.function}`
  return `${whose}${line} held the event loop for ${Math.round(heldMs)} ms in ${at.function}${place}; nothing else of the program went on meanwhile. Remedy: ${remedy}. Not told of again; see stats().blocks.`
}
