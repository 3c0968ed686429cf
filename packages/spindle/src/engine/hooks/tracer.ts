import type { WorkerSpan } from '../executor.ts'

/**
 * Records when a stage's tasks begin and end. A stage with a tracer uses the slow path (see
 * `PipeStage.adapt`), so that other stages pay nothing.
 */
export interface StageTracer {
  /** A task begins. `key` identifies it until its end. */
  begin(key: object, index: number): void
  /** The task's code is called on the event loop ... */
  called(): void
  /** ... and has returned, possibly with a promise. */
  returned(key: object): void
  /** The task has ended. Keys that never began are ignored. */
  end(key: object, isOk: boolean): void
  /** Where and when an executor ran the op of the task with that key. */
  ran(key: object, span: WorkerSpan): void
}
