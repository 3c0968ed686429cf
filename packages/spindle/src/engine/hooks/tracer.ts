import type { WorkerSpan } from '../executor.ts'

/**
 * Who writes down when a stage's tasks begin and end. A stage that has one takes the long way (see
 * `PipeStage.adapt`), so that others pay nothing.
 */
export interface StageTracer {
  /** A task begins; `key` stands for it until its end. */
  begin(key: object, index: number): void
  /** The task's code is called on the loop ... */
  called(): void
  /** ... and has come back, with a promise perhaps. */
  returned(key: object): void
  /** The task has ended. Keys that never began are ignored. */
  end(key: object, isOk: boolean): void
  /** Where and when an executor ran the op of the task with that key. */
  ran(key: object, span: WorkerSpan): void
}
