// The ops of the cells.

export function small({ id }) {
  return { id, ok: true }
}

/** Holds its worker, without using CPU time, so that every worker gets a call. */
export function late({ id }) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
  return { id, ok: true }
}
