import type { Graph } from './graph.ts'

// Pipelines that have started and are neither finished nor stopped. They keep no process alive; but somebody who forgets one
// wants to know, and its source wants to be closed. Two things notice: the garbage collector, and the end of the process.

const live: Set<Graph> = new Set()
let hasWarned = false

const forgotten = new FinalizationRegistry<Graph>((graph) => {
  // A promise for an item does not hold the handle, but somebody waits for it.
  if (!graph.outlet.isAwaited) giveUp(graph, 'was garbage collected')
})

/** Watches a graph that has just started; `handle` is what the user holds, and what the graph must not. */
export function watchUnfinished(graph: Graph, handle: object): void {
  if (live.size === 0) process.on('beforeExit', atExit)
  live.add(graph)
  forgotten.register(handle, graph, graph)
  const forget = (): void => {
    forgotten.unregister(graph)
    drop(graph)
  }
  graph.done.then(forget, forget)
}

function drop(graph: Graph): void {
  if (live.delete(graph) && live.size === 0) process.off('beforeExit', atExit)
}

function atExit(): void {
  for (const graph of [...live]) giveUp(graph, 'was still unfinished when the process had nothing left to do')
}

function giveUp(graph: Graph, how: string): void {
  if (!live.has(graph)) return
  drop(graph)
  if (!hasWarned && !graph.isDraining) {
    hasWarned = true
    const { where } = graph.config.source
    const place = where === undefined ? '' : ` (made at ${where})`
    process.emitWarning(
      `A pipeline${place} ${how}: consume it to its end, stop() it, or declare it with \`await using\`. It is stopped now. Further ones are not told of.`,
      { code: 'SPINDLE_UNFINISHED' },
    )
  }
  graph.stop('abort', undefined).catch(() => {})
}
