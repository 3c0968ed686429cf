/** What work in a thread asks for: a part of what Spindle gives to ops. */
export interface ThreadContext {
  /** Aborted when the result is not wanted any more. */
  readonly signal: AbortSignal
  /** So much memory for the result, with whatever is in it. */
  alloc(byteLength: number): Uint8Array
}

const never: AbortSignal = new AbortController().signal

/** For work in the caller's own thread: new memory. */
export function callerContext(signal: AbortSignal = never): ThreadContext {
  return { signal, alloc: newBytes }
}

function newBytes(byteLength: number): Uint8Array {
  return byteLength === 0 ? new Uint8Array(0) : Buffer.allocUnsafeSlow(byteLength)
}
