// What pool and worker can see of each other without a message: while one of them is busy, and
// after the worker's death.

/** The pool's side of a control block. */
export interface PoolControl {
  /** Resets a slot for a new task. */
  reset(slot: number): void
  /** Marks a slot's task as aborted. */
  abort(slot: number): void
  /**
   * Slots whose tasks the worker had begun and not ended. Only valid after the worker has ended.
   */
  begunSlots(): ReadonlySet<number>
  /** Those of the begun slots that wait for their op to be loaded. */
  loadingSlots(): ReadonlySet<number>
  /** Releases the resources of the block. */
  close(): void
}

/** The worker's side of a control block. */
export interface WorkerControl {
  /** Notes that the module of a slot's op is being loaded. */
  load(slot: number): void
  /** Notes that the call of a slot's op begins. */
  begin(slot: number): void
  end(slot: number): void
  /** Marks ended tasks as ended. Called before results are sent. */
  settle(): void
  isAborted(slot: number): boolean
  /**
   * Enters the op's own code. If the process is ending, this does not return, because nothing may
   * begin then.
   */
  enter(): void
  /** Leaves the op's own code. */
  leave(): void
}
