import { setImmediate } from '../../timers.ts'
import { type AsyncScope, currentScope } from './async-scope.ts'
import { exactNow } from './clock.ts'
import { LEFT, marker } from './marker.ts'

/** Something that stopped in the middle of its work to let the loop turn. */
export interface Resumable {
  resume(): void
}

interface Waiting {
  readonly work: Resumable
  /** That of its pipeline: one turn resumes them all. */
  readonly scope: AsyncScope
}

const SLICE_MS = 5
/** A stretch between two looks that is longer was not quick. */
const SLOW_MS = 1
/**
 * A clock read (about 43 ns) is to cost no more than a hundredth of what it watches: how long calls
 * may be, on average, for a longer stride.
 */
const QUICK_CALL_MS = 0.004
const LONGEST_STRIDE = 64
/** Quick looks in a row before the stride is doubled. */
const LOOKS_PER_STRIDE = 64

// As in `marker.ts`: an imported binding would be looked up at each use.
const words = marker
const AT = LEFT

let sliceStart = 0
let lastLook = 0
let stride = 1
let quickLooks = 0
let waiting: Waiting[] = []
let isScheduled = false

/**
 * Whether the engine has held the loop for a slice (5 ms), and must let it turn before the next
 * call: asked before each call of the user's code, and where items are handed on. Counts the calls
 * and looks at the clock every `stride` of them: each time at first and where they take
 * microseconds, seldom once very many have been quick. Should one of those take long after all, the
 * loop guard's thread ends the stride meanwhile (`marker[LEFT]`). One slice for the whole process:
 * it is the loop that is shared, not the pipeline. After a wait the first call says yes once too
 * often (the engine does not see the loop turn by itself); that costs one `setImmediate`, about a
 * microsecond.
 */
export function shouldYield(): boolean {
  const left = (words[AT] as number) - 1
  words[AT] = left
  return left <= 0 && look()
}

/**
 * The same, where an item is handed on: does not count, for whoever took it has, and costs a read
 * while calls are known to be quick. Where they are not, the time is looked at here, too.
 */
export function shouldYieldMidway(): boolean {
  return (words[AT] as number) <= 1 && shouldYield()
}

function look(): boolean {
  // Whoever asks next is to look, too, if this says yes.
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

/** Has `work` resumed in the next turn of the loop, in the caller's async context. */
export function resumeNextTurn(work: Resumable): void {
  // Whoever asks before the turn is to be told so.
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
    // One that takes a slice for itself must not keep the others from theirs: they are the first in
    // the next turn.
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
