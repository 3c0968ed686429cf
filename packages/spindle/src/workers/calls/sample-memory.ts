import { takeJoined, takeRoom } from './batch-room.ts'
import { takeSpare } from './spare-memory.ts'

/**
 * What libraries that make samples, such as `@spindle/io`, can use in a thread that makes whole
 * batches. It is found by a symbol, because a thread may have several copies of this package.
 */
export interface SampleMemory {
  readonly takeRoom: typeof takeRoom
  readonly takeSpare: typeof takeSpare
  readonly takeJoined: typeof takeJoined
}

const KEY = Symbol.for('spindle.samples')

/** Lets libraries in this thread find the memory of samples. */
export function shareMemory(): void {
  const place = globalThis as { [KEY]?: SampleMemory }
  place[KEY] ??= { takeRoom, takeSpare, takeJoined }
}
