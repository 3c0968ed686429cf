/**
 * The memory of samples in a thread of a loader that makes whole batches; see `SampleMemory` of
 * Spindle. Elsewhere there is none.
 */
interface SampleMemory {
  /** Memory for a sample in the buffer of its batch. */
  takeRoom(byteLength: number): Uint8Array | undefined
  /** Used memory, with undefined content. */
  takeSpare(byteLength: number): ArrayBuffer | undefined
  /** The buffer that these samples fill, if they were given up. It becomes the batch. */
  takeJoined(samples: readonly ArrayBufferView[]): ArrayBuffer | undefined
}

const KEY = Symbol.for('spindle.samples')

/** The memory of samples of this thread, if it makes batches. */
export function sampleMemory(): SampleMemory | undefined {
  return (globalThis as { [KEY]?: SampleMemory })[KEY]
}
