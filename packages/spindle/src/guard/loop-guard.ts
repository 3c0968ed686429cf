import { isInside } from '../engine/flow/current-call.ts'
import { channels } from '../engine/hooks/channels.ts'
import type { Graph } from '../engine/run/graph.ts'
import { plain } from '../plain-text.ts'
import { callListener } from '../user-code.ts'
import { type PlacedBlock, placeBlock, sharesOf } from './block-place.ts'
import { loadInspector } from './function-places.ts'
import { KeptScopes } from './kept-scopes.ts'
import { KnownPlaces, type Lengths } from './known-places.ts'
import { warningOf } from './remedies.ts'
import type { BlockMessage } from './watch-protocol.ts'
import { readBlocks, unwatch, type Watcher, watch } from './watchdog.ts'

/**
 * A warning requires that a place has blocked the event loop for this many thresholds in total, and
 * for this share of the time. Short blocks now and then are not worth a warning.
 */
const THRESHOLDS_TO_WARN = 3
const SHARE_TO_WARN = 0.01
/** Number of blocks without a scope that may come from calls which began before scopes were on. */
const UNSCOPED_IN_DOUBT = 2

/** The part of an unfinished block that has been reported. */
interface Reported {
  readonly block: PlacedBlock
  readonly ms: number
  readonly workMs: number
  readonly running: number
}

interface Held {
  ms: number
  /** Without the time for which the thread waited for a processor. */
  workMs: number
  /** How often it was seen: in different blocks, or at different times in one block. */
  seen: number
}

/** Places for which a warning has been given. */
const reported: Set<string> = new Set()
const MOST_REPORTED = 10_000

/** Watches the event loop for one pipeline, and handles its blocks. */
export class LoopGuard implements Watcher {
  readonly thresholdMs: number
  readonly #graph: Graph
  /** Unfinished blocks, by the stages that started their code. */
  readonly #open: Map<number, Map<unknown, Reported>> = new Map()
  /** How long each place has blocked the event loop. */
  readonly #held: Map<string, Held> = new Map()
  readonly #places: KnownPlaces = new KnownPlaces()
  readonly #scopes: KeptScopes
  /** Number of blocks without a scope since scopes are on. */
  #unscoped = 0

  constructor(graph: Graph, thresholdMs: number) {
    this.#graph = graph
    this.#scopes = new KeptScopes(graph)
    this.thresholdMs = thresholdMs
  }

  running(): readonly number[] {
    const marks: number[] = []
    for (const stage of this.#graph.stages)
      if (stage.running > 0) marks.push(stage.mark, stage.running)
    return marks
  }

  blocked(message: BlockMessage): void {
    // Another pipeline may watch for shorter blocks, and this pipeline may not have run at that
    // time.
    if (message.workMs < this.thresholdMs && !this.#open.has(message.id)) return
    if (!isInside(message.word) && message.beganAt < performance.timeOrigin + this.#graph.startedAt)
      return
    const open = this.#open.get(message.id) ?? new Map<unknown, Reported>()
    if (message.isOver) this.#open.delete(message.id)
    else this.#open.set(message.id, open)
    const shares = sharesOf(message)
    const early = open.get(undefined)
    // The block was reported before a sample showed which stage started the code.
    if (early !== undefined && shares[0] !== undefined && shares[0].begunBy !== undefined) {
      open.delete(undefined)
      open.set(shares[0].begunBy, early)
    }
    for (const { begunBy, share, samples } of shares) {
      const { ms, workMs } = message
      this.#report({ ...message, samples, ms: ms * share, workMs: workMs * share }, open, begunBy)
    }
  }

  /** Reports the present state of a part of a block. `open` has what was reported before. */
  #report(message: BlockMessage, open: Map<unknown, Reported>, begunBy: unknown): void {
    const known = open.get(begunBy)
    const block = known?.block ?? this.#place(message)
    if (block === undefined) return
    const { ms, workMs, isOver, samples } = message
    const running = known?.running ?? this.#othersRunning(block, message)
    const addedMs = ms - (known?.ms ?? 0)
    this.#graph.blocks.add(block.at, {
      count: known === undefined ? 1 : 0,
      addedMs,
      lengthMs: ms,
      lostMs: addedMs * running,
      stack: block.stack,
    })
    open.set(begunBy, { block, ms, workMs, running })
    if (isOver && channels.loopBlock.hasSubscribers)
      channels.loopBlock.publish({
        pipeline: this.#graph.pipelineId,
        at: block.at,
        beganAt: message.beganAt,
        ms,
      })
    const added = { ms: addedMs, workMs: workMs - (known?.workMs ?? 0) }
    if (!block.isSure) this.#doubt(block, added, isOver)
    else this.#mayWarn(block, added, isOver ? (samples.length > 1 ? 2 : 1) : 0)
  }

  begin(): void {
    void loadInspector()
    this.#graph.blocks.refresh = readBlocks
    this.#scopes.begin()
    watch(this)
  }

  end(): void {
    unwatch(this)
    this.#scopes.end()
  }

  /**
   * Places a block. With scopes on, a block without a scope was started by no stage, except for the
   * first few, which may come from calls that began before.
   */
  #place(message: BlockMessage): PlacedBlock | undefined {
    const placed = placeBlock(this.#graph, message)
    if (placed === undefined || isInside(message.word)) return placed
    if (placed.isSure) {
      if (this.#scopes.areOn) this.#learn(placed)
      return placed
    }
    const block = this.#places.resolved(placed)
    if (!this.#scopes.areOn) this.#unscoped = 0
    if (block.isSure || !this.#scopes.areOn || ++this.#unscoped <= UNSCOPED_IN_DOUBT) return block
    const sure = { ...block, isSure: true }
    this.#learn(sure)
    return sure
  }

  /**
   * A call started this code, but the stack does not show which. If the total is large, turns
   * scopes on for the next blocks.
   */
  #doubt(block: PlacedBlock, added: Lengths, isOver: boolean): void {
    const { workMs, seen } = this.#places.doubt(block, added, isOver)
    if (this.#scopes.areOn || (seen > 1 && this.#isMuch(workMs))) this.#scopes.keep()
  }

  /** Moves blocks of the same code that were counted for other places. */
  #learn(block: PlacedBlock): void {
    for (const { block: from, ms, workMs, seen } of this.#places.learn(block)) {
      this.#graph.blocks.move(from.at, block.at)
      this.#mayWarn(block, { ms, workMs }, seen)
    }
    if (this.#places.isOpen(block)) this.#scopes.keep()
  }

  /** Number of calls that other stages had in flight. */
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

  /** Warns of a place, at most once per process, in whichever pipeline it occurs. */
  #mayWarn({ at, owner }: PlacedBlock, added: Lengths, seen: number): void {
    if (at.place === 'other' && at.part === undefined) return
    const key = JSON.stringify([
      at.place,
      at.part,
      at.stage,
      owner?.info.where ?? `${at.function} ${at.where?.replace(/:\d+$/, '')}`,
    ])
    const held = this.#held.get(key) ?? { ms: 0, workMs: 0, seen: 0 }
    this.#held.set(key, held)
    held.ms += added.ms
    held.workMs += added.workMs
    held.seen += seen
    // Garbage collection or a halted machine can affect any code, so a place seen only once proves
    // nothing. Neither does a short total in a long run.
    if (held.seen < 2 || !this.#isMuch(held.workMs) || reported.has(key)) return
    if (reported.size >= MOST_REPORTED) reported.clear()
    reported.add(key)
    this.#warn(plain(warningOf(at, owner, held.ms)))
  }

  #isMuch(ms: number): boolean {
    return (
      ms >= this.thresholdMs * THRESHOLDS_TO_WARN && ms >= this.#graph.elapsedMs * SHARE_TO_WARN
    )
  }

  #warn(message: string): void {
    const { logger } = this.#graph.options
    if (logger === undefined) {
      process.emitWarning(message, { code: 'SPINDLE_LOOP_BLOCKED' })
      return
    }
    this.#graph.reader.inScope(() => callListener(() => logger.warn(`spindle: ${message}`)))
  }
}
