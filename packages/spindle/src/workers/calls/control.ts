// What pool and worker can see of each other without a message: while one is busy, and after the
// worker's death.

/** The pool's side of a control block. */
export interface PoolControl {
  /** A slot gets a new task. */
  reset(slot: number): void
  /** A slot's task is wanted no more. */
  abort(slot: number): void
  /** Slots whose tasks the worker had begun and not ended. To be asked once the worker is gone. */
  begunSlots(): ReadonlySet<number>
  /** Those of them that wait for their op to be loaded. */
  loadingSlots(): ReadonlySet<number>
  /** Lets go of what the block is made of. */
  close(): void
}

/** The worker's side of a control block. */
export interface WorkerControl {
  /** The module of a slot's op is being loaded for it. */
  load(slot: number): void
  /** The call of a slot's op begins. */
  begin(slot: number): void
  end(slot: number): void
  /** Before results leave: what has ended is marked so. */
  settle(): void
  isAborted(slot: number): boolean
  /**
   * The worker goes into an op's own code. Does not return if the process is ending: nothing may be
   * begun then.
   */
  enter(): void
  /** It has come out again. */
  leave(): void
}
