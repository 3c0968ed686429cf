import { TimeoutError } from '../../errors.ts'
import { clearTimeout, clockMs, queueMicrotask, setTimeout, type Timer } from '../../timers.ts'
import type { SinkReader } from '../consume/sink-reader.ts'
import { isInside, marker, markOf } from '../flow/marker.ts'
import { RUNNING, type Stage } from '../stages/stage.ts'
import type { DeadLetters } from './dead-letters.ts'

/** How a pipeline is stopped; see `Pipeline.stop()`. */
export type StopMode = 'drain' | 'discard' | 'abort'

/** What a stop looks at and does: a graph. */
interface StoppableGraph {
  readonly isStarted: boolean
  isDraining: boolean
  readonly stages: readonly Stage[]
  readonly sources: readonly { drain(): void }[]
  readonly reader: SinkReader
  readonly letters: DeadLetters | undefined
  /** Whether nothing is working or will be. */
  readonly isAtRest: boolean
  /** The stages that still have something running. */
  readonly busyStages: readonly Stage[]
  /** Called whenever something has come to rest; and calls them. */
  readonly restListeners: Set<() => void>
  rested(): void
  cancelAll(abort: boolean): void
  /** What of the user's is being closed. */
  closings(but?: Stage): Promise<unknown>[]
  finishStop(): void
}

/** How long calls in flight are waited for by default, in milliseconds. */
const LIMIT_MS: { readonly [mode in StopMode]: number } = {
  drain: Number.POSITIVE_INFINITY,
  discard: 10_000,
  abort: 1000,
}

/**
 * How long `drain` waits for a function given to `forEach` where nothing else is left to be done:
 * it may be that function that waits for the stop.
 */
const CONSUMER_MS = 1000

/**
 * Whose code has called `stop()`: its own call is not waited for, for it may be waiting for the
 * stop.
 */
interface Caller {
  readonly stage: Stage | undefined
  readonly isConsumer: boolean
  readonly isDeadLetter: boolean
}

/**
 * Stops a graph. Driven by events alone: the graph calls `onRest` whenever something has come to
 * rest. Always settles where there is a limit; `drain` without one ends when the calls in flight
 * do.
 */
export async function stopGraph(
  graph: StoppableGraph,
  mode: StopMode,
  timeoutMs: number | undefined,
): Promise<void> {
  if (!graph.isStarted) {
    graph.cancelAll(true)
    graph.finishStop()
    return
  }
  const caller = callerIn(graph)
  const limitMs = timeoutMs ?? LIMIT_MS[mode]
  const until = clockMs() + limitMs
  if (mode === 'drain') {
    graph.isDraining = true
    for (const stage of graph.stages) stage.adapt()
    for (const source of graph.sources) source.drain()
    if (
      (await becomesQuiet(graph, caller, limitMs)) &&
      (await lettersAnswered(graph, caller, until))
    ) {
      await closed(graph, caller, until)
      return
    }
  } else {
    graph.cancelAll(mode === 'abort')
    const isAtRest = await reached(
      graph,
      () => graph.isAtRest || isAllButCaller(graph, caller),
      limitMs,
    )
    const isAnswered = await lettersAnswered(graph, caller, until)
    if (isAtRest) await closed(graph, caller, until)
    if ((isAtRest && isAnswered) || mode === 'abort') {
      graph.finishStop()
      return
    }
  }
  const stuck = whatIsLeft(graph)
  graph.letters?.giveUp()
  graph.cancelAll(true)
  await reached(graph, () => graph.isAtRest, LIMIT_MS.abort)
  await closed(graph, caller, clockMs() + LIMIT_MS.abort)
  graph.finishStop()
  throw new TimeoutError(
    `stop({ mode: '${mode}' }) took longer than \`timeoutMs\` ${limitMs}; ${stuck}`,
  )
}

function whatIsLeft(graph: StoppableGraph): string {
  const calls = graph.busyStages.map(
    ({ info, running }) => `"${info.name}" (${running} calls in flight)`,
  )
  if (calls.length > 0) return `still running: ${calls.join(', ')}`
  const pending = graph.letters?.stats.pending ?? 0
  if (pending > 0) return `${pending} dead letters have not been answered`
  return 'the consumer has not taken what is left'
}

/** Looks who is being called just now. */
function callerIn(graph: StoppableGraph): Caller {
  const word = marker[0] as number
  const mark = isInside(word) ? markOf(word) : -1
  return {
    stage: graph.stages.find((stage) => stage.mark === mark || stage.hookMark === mark),
    isConsumer: graph.reader.mark === mark,
    isDeadLetter: graph.letters?.isCalling === true,
  }
}

/** Whether what is not at rest is the caller of the stop alone. */
function isAllButCaller(graph: StoppableGraph, { stage, isDeadLetter }: Caller): boolean {
  if (stage === undefined && !isDeadLetter) return false
  const busy = graph.busyStages
  return stage === undefined
    ? busy.length === 0
    : busy.every((one) => one === stage && one.running === 1)
}

/**
 * Resolves to whether, within the limit, nothing ran any more and nobody waited for what is left in
 * the queues.
 */
function becomesQuiet(graph: StoppableGraph, caller: Caller, limitMs: number): Promise<boolean> {
  const { reader } = graph
  let given = -1
  let timer: Timer | undefined
  const isQuiet = (): boolean => {
    if (caller.stage !== undefined && restsBut(graph, caller.stage)) return true
    if (!graph.stages.every((stage) => stage.isResting)) return false
    // The consumer waits for the answer to the letter that waits for the stop.
    if (caller.isDeadLetter && graph.letters?.stats.pending === 1) return true
    if (reader.isAwaited) return false
    if (reader.busy === 0 || (caller.isConsumer && reader.busy === 1)) return true
    // Only functions given to `forEach` are at work, one of which may be waiting for this very
    // stop.
    if (given === reader.given && timer === undefined) return true
    if (given !== reader.given) {
      given = reader.given
      clearTimeout(timer)
      timer = setTimeout(() => {
        timer = undefined
        graph.rested()
      }, CONSUMER_MS)
    }
    return false
  }
  return reached(graph, isQuiet, limitMs).finally(() => clearTimeout(timer))
}

/** Whether a call of that stage, the one that waits for the stop, is all that holds up the rest. */
function restsBut(graph: StoppableGraph, caller: Stage): boolean {
  // One that has not begun, or has ended, is in a hook.
  const isHeld = caller.running === 1 || (caller.running === 0 && caller.state !== RUNNING)
  return isHeld && graph.stages.every((stage) => stage === caller || stage.isResting)
}

/**
 * Waits for the answers to dead letters; whether all have come. Those that have not are not waited
 * for any more.
 */
async function lettersAnswered(
  graph: StoppableGraph,
  { isDeadLetter }: Caller,
  until: number,
): Promise<boolean> {
  const { letters } = graph
  if (letters === undefined || letters.isSettled) return true
  const own = isDeadLetter ? 1 : 0
  await settledWithin([letters.settled(own)], until - clockMs())
  const areAnswered = letters.stats.pending <= own
  if (!areAnswered) letters.giveUp()
  return areAnswered
}

/** Waits until sources and generators have been closed, their clean-ups included. */
function closed(graph: StoppableGraph, caller: Caller, until: number): Promise<void> {
  const limitMs = Math.min(Math.max(0, until - clockMs()), LIMIT_MS.discard)
  return settledWithin(graph.closings(caller.stage), limitMs)
}

/** Waits for all of `waits`, but not for ever. */
export async function settledWithin(
  waits: readonly Promise<unknown>[],
  limitMs: number,
): Promise<void> {
  if (waits.length === 0) return
  let timer: Timer | undefined
  const limit = new Promise<void>((resolve) => {
    if (Number.isFinite(limitMs)) timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([Promise.allSettled(waits), limit])
  clearTimeout(timer)
}

/** Resolves to whether `isReached` came true within the limit. */
function reached(
  graph: StoppableGraph,
  isReached: () => boolean,
  limitMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      if (timer !== undefined) clearTimeout(timer)
      graph.restListeners.delete(look)
      resolve(result)
    }
    // What came to rest is told of in the middle of things: one looks when the call stack is empty
    // again.
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
