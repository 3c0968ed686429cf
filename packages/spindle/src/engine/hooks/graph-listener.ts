/** Listens to the life of a pipeline. The calls are synchronous and must not throw. */
export interface GraphListener {
  /** The stages are about to open. */
  started(): void
  /** The pipeline has ended, was stopped or failed. `done` is about to settle. */
  ended(): void
}
