import { AsyncResource } from 'node:async_hooks'

// The async context of a pipeline (the stores of `AsyncLocalStorage`) is the context of its first
// consumer, or of the caller of `start()`. All code that the engine calls runs in it. Promises,
// timers and messages restore the context in which they were requested. So the context changes in
// three places only: where a consumer requests an item, where the pipeline is stopped, and in the
// event loop turn that all pipelines share. It never changes per item of a burst, because a change
// costs about as much as reading the clock of a queue.

/** A saved context. It takes 15 ns to make and 10 ns to run a function in it. */
export type AsyncScope = AsyncResource

/** Saves the context of the caller. */
export function currentScope(): AsyncScope {
  return new AsyncResource('SPINDLE', { requireManualDestroy: true })
}
