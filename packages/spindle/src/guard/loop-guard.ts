import { badOption, checkOptions } from '../check.ts'
import { channels } from '../engine/channels.ts'
import type { Graph } from '../engine/graph.ts'
import { isInside } from '../engine/marker.ts'
import type { LoopGuardOptions } from '../engine/types.ts'
import { plain } from '../plain-text.ts'
import { callListener } from '../user-code.ts'
import { type PlacedBlock, placeBlock } from './block-place.ts'
import { loadInspector } from './function-places.ts'
import { KeptScopes } from './kept-scopes.ts'
import { KnownPlaces } from './known-places.ts'
import { warningOf } from './remedies.ts'
import type { BlockMessage } from './watch-protocol.ts'
import { readBlocks, unwatch, type Watcher, watch } from './watchdog.ts'

const DEFAULT_THRESHOLD_MS = 10
/** A place is warned of when it has held the loop for so many times the threshold, and for so much of the time: a short block now and then is no news. */
const THRESHOLDS_TO_WARN = 3
const SHARE_TO_WARN = 0.01
/** Blocks without a scope that may still be of calls which began before scopes were kept. */
const UNSCOPED_IN_DOUBT = 2

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
    ended: () => guard.end(),
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
}

/** Places that the program has been warned of. */
const told: Set<string> = new Set()
const MOST_TOLD = 10_000

/** What one pipeline makes of the blocks of its loop. */
class LoopGuard implements Watcher {
  readonly thresholdMs: number
  readonly #graph: Graph
  readonly #open: Map<number, Open> = new Map()
  /** What each stage has held the loop for. */
  readonly #held: Map<string, Held> = new Map()
  readonly #places: KnownPlaces = new KnownPlaces()
  readonly #scopes: KeptScopes
  /** Blocks without a scope since scopes are kept. */
  #unscoped = 0

  constructor(graph: Graph, thresholdMs: number) {
    this.#graph = graph
    this.#scopes = new KeptScopes(graph)
    this.thresholdMs = thresholdMs
  }

  running(): readonly number[] {
    const marks: number[] = []
    for (const stage of this.#graph.stages) if (stage.running > 0) marks.push(stage.mark, stage.running)
    return marks
  }

  blocked(message: BlockMessage): void {
    // Another pipeline may want to know of shorter ones, and this one may not have been there.
    if (message.workMs < this.thresholdMs && !this.#open.has(message.id)) return
    if (!isInside(message.word) && message.beganAt < performance.timeOrigin + this.#graph.startedAt) return
    const known = this.#open.get(message.id)
    const block = known?.block ?? this.#place(message)
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
    if (!block.isSure) this.#doubt(block, addedMs, message.isOver)
    else this.#mayWarn(block, addedMs, message.isOver ? (message.samples.length > 1 ? 2 : 1) : 0)
  }

  end(): void {
    unwatch(this)
    this.#scopes.end()
  }

  /** Where scopes are kept, a block without one was begun by no stage: once calls begun before have ended, and so some blocks later. */
  #place(message: BlockMessage): PlacedBlock | undefined {
    const placed = placeBlock(this.#graph, message)
    if (placed === undefined || isInside(message.word)) return placed
    if (placed.isSure) {
      if (this.#scopes.isOn) this.#learn(placed)
      return placed
    }
    const block = this.#places.resolved(placed)
    if (block.isSure || !this.#scopes.isOn || ++this.#unscoped <= UNSCOPED_IN_DOUBT) return block
    const sure = { ...block, isSure: true }
    this.#learn(sure)
    return sure
  }

  /** Somebody's call has begun this, and the stack does not say whose: if it is much, the next ones are looked at more closely. */
  #doubt(block: PlacedBlock, addedMs: number, isOver: boolean): void {
    const { ms, seen } = this.#places.doubt(block, addedMs, isOver)
    if (this.#scopes.isOn || (seen > 1 && this.#isMuch(ms))) this.#scopes.keep()
  }

  /** Blocks of the same code that were given to others belong here, too. */
  #learn(block: PlacedBlock): void {
    for (const { block: from, ms, seen } of this.#places.learn(block)) {
      this.#graph.blocks.move(from.at, block.at)
      this.#mayWarn(block, ms, seen)
    }
    if (this.#places.isOpen(block)) this.#scopes.keep()
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

  /** Warns of a place once in the life of the program, whichever of its pipelines it is in. */
  #mayWarn({ at, owner }: PlacedBlock, addedMs: number, seen: number): void {
    if (at.place === 'other' && at.part === undefined) return
    const key = JSON.stringify([
      at.place,
      at.part,
      at.stage,
      owner?.info.where ?? `${at.function} ${at.where?.replace(/:\d+$/, '')}`,
    ])
    const held = this.#held.get(key) ?? { ms: 0, seen: 0 }
    this.#held.set(key, held)
    held.ms += addedMs
    held.seen += seen
    // The collector or a halted machine may strike anybody: seen once, it says nothing; nor if it is little in a long run.
    if (held.seen < 2 || !this.#isMuch(held.ms) || told.has(key)) return
    if (told.size >= MOST_TOLD) told.clear()
    told.add(key)
    this.#warn(plain(warningOf(at, owner, held.ms)))
  }

  #isMuch(ms: number): boolean {
    return ms >= this.thresholdMs * THRESHOLDS_TO_WARN && ms >= this.#graph.elapsedMs * SHARE_TO_WARN
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
