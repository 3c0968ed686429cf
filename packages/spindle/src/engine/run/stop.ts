import { TimeoutError } from '../../errors.ts'
import { clearTimeout, clockMs, queueMicrotask, setTimeout, type Timer } from '../../timers.ts'
import type { SinkReader } from '../consume/sink-reader.ts'
import { callWords, isInside, markOf } from '../flow/current-call.ts'
import { RUNNING, type Stage } from '../stages/stage.ts'
import type { DeadLetters } from './dead-letters.ts'

/** How to stop a pipeline; see `Pipeline.stop()`. */
export type StopMode = 'drain' | 'discard' | 'abort'

/** The parts of a graph that a stop uses. */
interface StoppableGraph {
  readonly isStarted: boolean
  isDraining: boolean
  readonly stages: readonly Stage[]
  readonly sources: readonly { drain(): void }[]
  readonly reader: SinkReader
  readonly letters: DeadLetters | undefined
  /** Whether no stage works now or in future. */
  readonly isAtRest: boolean
  /** The stages with calls in flight. */
  readonly busyStages: readonly Stage[]
  /** Called whenever a part of the graph has come to rest. `rested()` calls them. */
  readonly restListeners: Set<() => void>
  rested(): void
  cancelAll(abort: boolean): void
  /** User code that is being closed. */
  closings(but?: Stage): Promise<unknown>[]
  finishStop(): void
}

/** How long each mode waits for calls in flight by default, in milliseconds. */
const LIMIT_MS: { readonly [mode in StopMode]: number } = {
  drain: Number.POSITIVE_INFINITY,
  discard: 10_000,
  abort: 1000,
}

/**
 * How long `drain` waits for a `forEach` function when nothing else is left to do. The function
 * itself may be waiting for the stop.
 */
const CONSUMER_MS = 1000

/**
 * The user code that called `stop()`. The stop does not wait for this call, because the call may
 * wait for the stop.
 */
interface Caller {
  readonly stage: Stage | undefined
  readonly isConsumer: boolean
  readonly isDeadLetter: boolean
}

/**
 * Stops a graph. It reacts to events only: the graph calls its rest listeners whenever a part has
 * come to rest. With a limit, it always settles. `drain` without a limit ends when the calls in
 * flight end.
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

/** Finds the user code that is running now. */
function callerIn(graph: StoppableGraph): Caller {
  const word = callWords[0] as number
  const mark = isInside(word) ? markOf(word) : -1
  return {
    stage: graph.stages.find((stage) => stage.mark === mark || stage.hookMark === mark),
    isConsumer: graph.reader.mark === mark,
    isDeadLetter: graph.letters?.isCalling === true,
  }
}

/** Whether only the caller of the stop is still busy. */
function isAllButCaller(graph: StoppableGraph, { stage, isDeadLetter }: Caller): boolean {
  if (stage === undefined && !isDeadLetter) return false
  const busy = graph.busyStages
  return stage === undefined
    ? busy.length === 0
    : busy.every((one) => one === stage && one.running === 1)
}

/** Resolves to whether, within the limit, all work ended and no consumer waits for items. */
function becomesQuiet(graph: StoppableGraph, caller: Caller, limitMs: number): Promise<boolean> {
  const { reader } = graph
  let given = -1
  let timer: Timer | undefined
  const isQuiet = (): boolean => {
    if (caller.stage !== undefined && restsBut(graph, caller.stage)) return true
    if (!graph.stages.every((stage) => stage.isResting)) return false
    // The consumer waits until the only pending dead letter settles, and that one waits for this
    // stop.
    if (caller.isDeadLetter && graph.letters?.stats.pending === 1) return true
    if (reader.isAwaited) return false
    if (reader.busy === 0 || (caller.isConsumer && reader.busy === 1)) return true
    // Only `forEach` functions are running, and one of them may wait for this stop.
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

/** Whether only a call of that stage, which waits for the stop, delays the rest. */
function restsBut(graph: StoppableGraph, caller: Stage): boolean {
  // If the stage has not begun, or has ended, the caller is a hook.
  const isHeld = caller.running === 1 || (caller.running === 0 && caller.state !== RUNNING)
  return isHeld && graph.stages.every((stage) => stage === caller || stage.isResting)
}

/**
 * Waits until dead letters are settled. Returns whether all are. After the limit, the rest is given
 * up.
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

/** Waits until sources and generators are closed and their clean-ups have ended. */
function closed(graph: StoppableGraph, caller: Caller, until: number): Promise<void> {
  const limitMs = Math.min(Math.max(0, until - clockMs()), LIMIT_MS.discard)
  return settledWithin(graph.closings(caller.stage), limitMs)
}

/** Waits for all of `waits`, with a limit. */
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

/** Resolves to whether `isReached` became true within the limit. */
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
    // Parts come to rest in the middle of other work, so check when the call stack is empty.
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
