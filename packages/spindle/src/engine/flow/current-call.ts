// Tells another thread which stage's code blocks the event loop, even while this thread stands
// still. The current call is one word in shared memory, written with plain stores around every call
// of user code. The stores are plain because an atomic store costs as much as a stage. It is one
// word so that a reader gets the stage and the number of its call together.
//
//   bits 0..11   code of the stage
//   bit  12      set when the call has returned
//   bits 13..31  number of the stage's call: the same word twice means no call in between

const CODES = 0xfff
const OUTSIDE = 0x1000
const NUMBER_AT = 13

/**
 * Index of the number of calls that may begin before `time-slice.ts` reads the clock. The loop
 * guard's thread sets it to 0 when it sees a long call.
 */
export const LEFT = 1

// This binding is not exported itself. V8 looks up an exported binding at each use, but treats this
// one as a constant.
const words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(64))

/** The shared words. The current call is at index 0. */
export const callWords: Int32Array<SharedArrayBuffer> = words

let lastCode = 0

/**
 * Makes a code for a stage. Codes repeat after 4095 stages. Two stages then share a code, but the
 * older one has probably ended.
 */
export function newMark(): number {
  lastCode = lastCode === CODES ? 1 : lastCode + 1
  return lastCode
}

/** Marks the begin of a stage's `count`-th call of user code. Pass the result to {@link leave}. */
export function enter(mark: number, count: number): number {
  const word = (count << NUMBER_AT) | mark
  words[0] = word
  return word
}

/** Marks that the call has returned. */
export function leave(word: number): void {
  words[0] = word | OUTSIDE
}

/** The code of the stage called last. */
export function markOf(word: number): number {
  return word & CODES
}

/** Whether that call has not returned yet. */
export function isInside(word: number): boolean {
  return word !== 0 && (word & OUTSIDE) === 0
}
