import { sampleMemory } from './sample-memory.ts'

/** The context of work in a thread: a part of the context that Spindle passes to ops. */
export interface ThreadContext {
  /** Aborted if the result is not needed any more. */
  readonly signal: AbortSignal
  /** Allocates uninitialised memory for the result. */
  alloc(byteLength: number): Uint8Array
  /** The same for one sample of a batch: it may be a part of the memory of the batch. */
  allocSample?(byteLength: number): Uint8Array
}

const never: AbortSignal = new AbortController().signal

/** The context of work in the caller's own thread: new memory. */
export function callerContext(signal: AbortSignal = never): ThreadContext {
  return { signal, alloc: newBytes, allocSample: sampleBytes }
}

function sampleBytes(byteLength: number): Uint8Array {
  return (
    (byteLength === 0 ? undefined : sampleMemory()?.takeRoom(byteLength)) ?? newBytes(byteLength)
  )
}

function newBytes(byteLength: number): Uint8Array {
  if (byteLength === 0) return new Uint8Array(0)
  const used = sampleMemory()?.takeSpare(byteLength)
  return used === undefined ? Buffer.allocUnsafeSlow(byteLength) : new Uint8Array(used)
}
