// What other runtimes lack. `scripts/runtimes.mjs` runs the conformance checks on them.

/** Bun has no `Serializer` in `node:v8`, and its child processes inherit no sockets. */
export const isBun: boolean = 'bun' in process.versions

/**
 * Deno emits no `beforeExit` in workers, `receiveMessageOnPort()` refuses a worker's `parentPort`,
 * and file descriptors belong to one thread.
 */
export const isDeno: boolean = 'deno' in process.versions
