import { setImmediate } from '../timers.ts'
import { type AsyncScope, currentScope } from './async-scope.ts'
import { exactNow } from './clock.ts'

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
const LONGEST_STRIDE = 8
const STEPS_PER_LOOK = 16

let sliceStart = 0
let lastLook = 0
let stride = 1
let left = 1
let waiting: Waiting[] = []

/**
 * Whether the engine has held the loop for a slice (5 ms), and whoever pulls items must let it turn. Counts the calls and
 * looks at the clock every `stride` of them: seldom while they are quick, each time once they are slow.
 * One slice for the whole process: it is the loop that is shared, not the pipeline. After a wait the first call says yes
 * once too often (the engine does not see the loop turn by itself); that costs one `setImmediate`, about a microsecond.
 */
export function isSliceOver(): boolean {
  if (--left > 0) return false
  if (waiting.length > 0) {
    left = 1
    return true
  }
  const now = exactNow()
  const sinceLook = now - lastLook
  lastLook = now
  if (sinceLook > 1) stride = sinceLook > 4 ? 1 : Math.max(1, stride >> 1)
  else if (stride < LONGEST_STRIDE) stride <<= 1
  left = stride
  if (sliceStart === 0) sliceStart = now
  return now - sliceStart >= SLICE_MS
}

/** How many quick steps whoever pulls may take between two looks; one while they are slow. */
export function stepsPerLook(): number {
  return stride === LONGEST_STRIDE ? STEPS_PER_LOOK : 1
}

/** Has `work` resumed in the next turn of the loop, in the caller's async context. */
export function resumeNextTurn(work: Resumable): void {
  // Whoever asks before the turn is to be told so.
  left = 1
  waiting.push({ work, scope: currentScope() })
  if (waiting.length === 1) setImmediate(turn)
}

function turn(): void {
  const resumed = waiting
  waiting = []
  sliceStart = exactNow()
  lastLook = sliceStart
  let done = 0
  try {
    for (const { work, scope } of resumed) {
      done++
      scope.runInAsyncScope(work.resume, work)
    }
  } finally {
    // One that throws, which nothing should, takes no other with it.
    if (done < resumed.length) {
      if (waiting.length === 0) setImmediate(turn)
      waiting.unshift(...resumed.slice(done))
    }
  }
}
