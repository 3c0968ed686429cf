/** Whoever wants to know of a pipeline's life: told synchronously, and not to throw. */
export interface GraphListener {
  /** The stages are about to be opened. */
  started(): void
  /** The pipeline has ended, was stopped or failed; `done` is about to settle. */
  ended(): void
}
