import { setImmediate } from '../../timers.ts'
import { type AsyncScope, currentScope } from './async-scope.ts'
import { exactNow } from './clock.ts'
import { callWords, LEFT } from './current-call.ts'

/** Work that paused to let the event loop turn. */
export interface Resumable {
  resume(): void
}

interface Waiting {
  readonly work: Resumable
  /** The scope of its pipeline, because one turn resumes the work of all pipelines. */
  readonly scope: AsyncScope
}

const SLICE_MS = 5
/** If more time passes between two looks at the clock, the calls were not quick. */
const SLOW_MS = 1
/**
 * Mean duration of calls below which the stride grows. A look at the clock takes about 43 ns and
 * must cost no more than a hundredth of the time it measures.
 */
const QUICK_CALL_MS = 0.004
const LONGEST_STRIDE = 64
/** Number of quick looks in a row that double the stride. */
const LOOKS_PER_STRIDE = 64

// As in `current-call.ts`: V8 would look up an imported binding at each use.
const words = callWords
const AT = LEFT

let sliceStart = 0
let lastLook = 0
let stride = 1
let quickLooks = 0
let waiting: Waiting[] = []
let isScheduled = false

/**
 * Whether the engine has blocked the event loop for a time slice (5 ms) and must let it turn before
 * the next call. Stages ask before each call of user code and where they hand on items.
 *
 * This function counts the calls and reads the clock at every `stride`-th one. The stride is 1 at
 * first and for calls that take microseconds, and grows after very many quick calls. If a call
 * takes long after all, the loop guard's thread ends the stride (`callWords[LEFT]`).
 *
 * The whole process has one slice, because pipelines share the event loop. The engine does not
 * notice when the loop turns by itself. After a wait, the first call may therefore yield
 * needlessly, which costs one `setImmediate`, about a microsecond.
 */
export function shouldYield(): boolean {
  const left = (words[AT] as number) - 1
  words[AT] = left
  return left <= 0 && look()
}

/**
 * Like {@link shouldYield}, for the places where items are handed on. It does not count, because
 * the stage that takes the item counts. While calls are known to be quick, it costs one read;
 * otherwise it reads the clock too.
 */
export function shouldYieldMidway(): boolean {
  return (words[AT] as number) <= 1 && shouldYield()
}

function look(): boolean {
  // If the answer is true, the next caller must look at the clock too.
  words[AT] = 1
  if (waiting.length > 0) return true
  const now = exactNow()
  const sinceLook = now - lastLook
  lastLook = now
  if (sliceStart === 0) sliceStart = now
  if (now - sliceStart >= SLICE_MS) {
    if (sinceLook > SLOW_MS) stride = 1
    return true
  }
  adapt(sinceLook)
  words[AT] = stride
  return false
}

function adapt(sinceLook: number): void {
  if (sinceLook > stride * QUICK_CALL_MS) {
    quickLooks = 0
    if (sinceLook > SLOW_MS) stride = 1
    else if (stride > 1) stride >>= 1
  } else if (stride < LONGEST_STRIDE && ++quickLooks === LOOKS_PER_STRIDE) {
    quickLooks = 0
    stride <<= 1
  }
}

/** Resumes `work` in the next turn of the event loop, in the caller's async context. */
export function resumeNextTurn(work: Resumable): void {
  // Until then, `shouldYield()` must return true.
  words[AT] = 1
  waiting.push({ work, scope: currentScope() })
  schedule()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(turn)
}

function turn(): void {
  const resumed = waiting
  waiting = []
  isScheduled = false
  sliceStart = lastLook = exactNow()
  words[AT] = 1
  let done = 0
  try {
    // If one piece of work uses the whole slice, the others run first in the next turn.
    while (
      done < resumed.length &&
      (done === 0 || (waiting.length === 0 && exactNow() - sliceStart < SLICE_MS))
    ) {
      const { work, scope } = resumed[done++]!
      scope.runInAsyncScope(work.resume, work)
    }
  } finally {
    if (done < resumed.length) {
      waiting = [...resumed.slice(done), ...waiting]
      schedule()
    }
  }
}
