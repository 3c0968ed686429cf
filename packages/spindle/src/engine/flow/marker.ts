// Which stage's code holds the loop: one word in shared memory, written with plain stores around
// every call of the user's code, so that another thread can look at it while this one stands still.
// Plain, for an atomic store costs as much as a stage; one word, so that whoever looks sees the
// stage and the number of its call together.
//
//   bits 0..11   the stage's code
//   bit  12      set when the call has come back
//   bits 13..31 number of the stage's call, so that a word seen twice means that nothing was called
//   between

const CODES = 0xfff
const OUTSIDE = 0x1000
const NUMBER_AT = 13

/**
 * Position of how many calls may begin before `turn.ts` looks at the time. Whoever sees from
 * outside that a call takes long puts 0 there.
 */
export const LEFT = 1

// Not exported itself: V8 looks an exported binding up at each use, and takes this one for the
// constant it is.
const words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(64))

/** The word, at position 0. */
export const marker: Int32Array<SharedArrayBuffer> = words

let lastCode = 0

/**
 * A code for a stage. They begin anew after 4095 stages: two stages then share one, of which the
 * older has most likely ended.
 */
export function newMark(): number {
  lastCode = lastCode === CODES ? 1 : lastCode + 1
  return lastCode
}

/** A stage begins its `count`-th call of the user's code. Returns the word, for {@link leave}. */
export function enter(mark: number, count: number): number {
  const word = (count << NUMBER_AT) | mark
  words[0] = word
  return word
}

/** The call has come back. */
export function leave(word: number): void {
  words[0] = word | OUTSIDE
}

/** The code of the stage that was called last. */
export function markOf(word: number): number {
  return word & CODES
}

/** Whether that call has not come back yet. */
export function isInside(word: number): boolean {
  return word !== 0 && (word & OUTSIDE) === 0
}
