import { TimeoutError } from '../errors.ts'
import { clearTimeout, queueMicrotask, setTimeout, type Timer } from '../timers.ts'
import type { Graph, StopMode } from './graph.ts'

/** How long calls in flight are waited for by default, in milliseconds. */
const LIMIT_MS: { readonly [mode in StopMode]: number } = {
  drain: Number.POSITIVE_INFINITY,
  discard: 10_000,
  abort: 1000,
}

/**
 * Stops a graph. Driven by events alone: the graph calls `onRest` whenever something has come to rest.
 * Always settles where there is a limit; `drain` without one ends when the calls in flight do.
 */
export async function stopGraph(graph: Graph, mode: StopMode, timeoutMs: number | undefined): Promise<void> {
  if (!graph.isStarted) {
    graph.cancelAll(true)
    graph.finishStop()
    return
  }
  const limitMs = timeoutMs ?? LIMIT_MS[mode]
  if (mode === 'drain') {
    graph.isDraining = true
    for (const stage of graph.stages) stage.adapt()
    for (const source of graph.sources) source.drain()
    if (await reached(graph, () => isQuiet(graph), limitMs)) {
      await sourcesClosed(graph, Math.min(limitMs, LIMIT_MS.discard))
      return
    }
  } else {
    graph.cancelAll(mode === 'abort')
    const isAtRest = await reached(graph, () => graph.isAtRest, limitMs)
    if (isAtRest) await sourcesClosed(graph, Math.min(limitMs, LIMIT_MS.discard))
    if (isAtRest || mode === 'abort') {
      graph.finishStop()
      return
    }
  }
  const stuck = graph.busyStages
    .map((stage) => `"${stage.info.name}" (${stage.running} calls in flight)`)
    .join(', ')
  graph.cancelAll(true)
  await reached(graph, () => graph.isAtRest, LIMIT_MS.abort)
  graph.finishStop()
  const what = stuck === '' ? 'the consumer has not taken what is left' : `still running: ${stuck}`
  throw new TimeoutError(`stop({ mode: '${mode}' }) took longer than \`timeoutMs\` ${limitMs}; ${what}`)
}

/** Nothing runs, and nobody waits for what is left in the queues. */
function isQuiet(graph: Graph): boolean {
  const { outlet } = graph
  return !outlet.isAwaited && outlet.busy === 0 && graph.stages.every((stage) => stage.isResting)
}

function sourcesClosed(graph: Graph, limitMs: number): Promise<void> {
  return settledWithin(
    graph.sources.flatMap((source) => source.closed ?? []),
    limitMs,
  )
}

/** Waits for all of `waits`, but not for ever. */
export async function settledWithin(waits: readonly Promise<unknown>[], limitMs: number): Promise<void> {
  if (waits.length === 0) return
  let timer: Timer | undefined
  const limit = new Promise<void>((resolve) => {
    if (Number.isFinite(limitMs)) timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([Promise.allSettled(waits), limit])
  clearTimeout(timer)
}

/** Resolves to whether `isReached` came true within the limit. */
function reached(graph: Graph, isReached: () => boolean, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      if (timer !== undefined) clearTimeout(timer)
      graph.restListeners.delete(look)
      resolve(result)
    }
    // What came to rest is told of in the middle of things: one looks when the call stack is empty again.
    let isLooking = false
    const look = (): void => {
      if (isLooking) return
      isLooking = true
      queueMicrotask(() => {
        isLooking = false
        if (isReached()) end(true)
      })
    }
    const timer = Number.isFinite(limitMs) ? setTimeout(() => end(isReached()), limitMs) : undefined
    graph.restListeners.add(look)
    look()
  })
}
