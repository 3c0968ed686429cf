/** The context of work in a thread: a part of the context that Spindle passes to ops. */
export interface ThreadContext {
  /** Aborted if the result is not needed any more. */
  readonly signal: AbortSignal
  /** Allocates uninitialised memory for the result. */
  alloc(byteLength: number): Uint8Array
}

const never: AbortSignal = new AbortController().signal

/** The context of work in the caller's own thread: new memory. */
export function callerContext(signal: AbortSignal = never): ThreadContext {
  return { signal, alloc: newBytes }
}

function newBytes(byteLength: number): Uint8Array {
  return byteLength === 0 ? new Uint8Array(0) : Buffer.allocUnsafeSlow(byteLength)
}
