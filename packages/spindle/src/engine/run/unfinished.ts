import { SpindleError } from '../../errors.ts'
import { plain } from '../../plain-text.ts'
import { describePending, type PendingWork } from '../stages/pending-work.ts'
import type { Graph } from './graph.ts'

// Pipelines that have started and are neither finished nor stopped. They do not keep the process
// alive. But a forgotten pipeline is a mistake to report, and its source must be closed. Two events
// detect one: garbage collection and the end of the process.

const live: Set<Graph> = new Set()
/**
 * A pipeline that has not started although code waits for its `done`. One is enough, because the
 * warning appears only once.
 */
let idle: Graph | undefined
let isListening = false
let hasWarned = false

const forgotten = new FinalizationRegistry<Graph>((graph) => {
  // A pending promise for an item does not keep the handle alive, but a consumer waits for it.
  if (!graph.reader.isAwaited) giveUp(graph, 'was garbage collected')
})

/** The process has nothing left to do while a consumer waits for an item that can never come. */
export class UnfinishedError extends SpindleError {
  override readonly name: string = 'UnfinishedError'
  /** The unfinished work, stage by stage. */
  readonly pending: readonly PendingWork[]

  constructor(pending: readonly PendingWork[]) {
    const what = pending.length === 0 ? 'no stage has a call in flight' : describePending(pending)
    super(
      'ERR_UNFINISHED',
      `the pipeline cannot end, for nothing is left to run in this process: ${what}. A callback was not called, or a promise was never settled`,
    )
    this.pending = pending
  }
}

/** Watches a started graph. `handle` is the user's object; the graph must not refer to it. */
export function watchUnfinished(graph: Graph, handle: object): void {
  live.add(graph)
  if (idle === graph) idle = undefined
  listen()
  forgotten.register(handle, graph, graph)
  const forget = (): void => {
    forgotten.unregister(graph)
    drop(graph)
  }
  graph.done.then(forget, forget)
}

/** Called when code waits for the end of a graph that has not started. */
export function watchIdle(graph: Graph): void {
  idle ??= graph
  listen()
}

function listen(): void {
  const isNeeded = live.size > 0 || idle !== undefined
  if (isNeeded === isListening) return
  isListening = isNeeded
  if (isNeeded) process.on('beforeExit', atExit)
  else process.off('beforeExit', atExit)
}

function drop(graph: Graph): void {
  if (live.delete(graph)) listen()
}

function atExit(): void {
  for (const graph of [...live])
    giveUp(graph, 'was still unfinished when the process had nothing left to do')
  const graph = idle
  idle = undefined
  listen()
  if (graph !== undefined && !graph.isStarted && !graph.isStopped)
    warn(
      `A pipeline${madeAt(graph)} was never started, and its \`done\` waits for the end: iterate it, call forEach(), or start() it.`,
    )
}

/**
 * Ends an unfinished pipeline. A waiting consumer gets an error, so that this does not look like a
 * normal end. Without a waiting consumer, the pipeline is stopped with a warning.
 */
function giveUp(graph: Graph, how: string): void {
  if (!live.has(graph)) return
  drop(graph)
  const { reader, pendingWork } = graph
  const hasListener = reader.isIterated
  if (reader.isAwaited) {
    reader.hush()
    graph.abort(new UnfinishedError(pendingWork))
  } else graph.stop('abort', undefined).catch(() => {})
  // No warning if a drain waits for its consumer, which is intended. A drain that waits for a call
  // that never ends is a mistake.
  if (hasListener || (graph.isDraining && pendingWork.length === 0)) return
  const what = pendingWork.length === 0 ? '' : ` (${describePending(pendingWork)})`
  warn(
    `A pipeline${madeAt(graph)} ${how}${what}: consume it to its end, stop() it, or declare it with \`await using\`. It is stopped now.`,
  )
}

function warn(message: string): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(`${plain(message)} Further ones are not told of.`, {
    code: 'SPINDLE_UNFINISHED',
  })
}

function madeAt(graph: Graph): string {
  const { where } = graph.config.source
  return where === undefined ? '' : ` (made at ${where})`
}
