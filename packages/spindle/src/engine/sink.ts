import type { PipelineState } from './resume-state.ts'

/**
 * A place for the results of a pipeline, which `pipeline.writeTo(sink)` opens: shards in a folder
 * or a bucket, a database.
 *
 * `T` is the type of the items, `R` the result of a complete run.
 */
export interface Sink<T, R> {
  /**
   * Opens the place, and removes what an earlier run wrote and did not commit.
   *
   * @throws `ERR_EXISTS` without `resume`, if the place holds the results of an earlier run
   */
  open(options: SinkOpenOptions): Promise<SinkWriter<T, R>>
  /** The place as several writers share it. A sink that has it takes `commits` in `open()`. */
  readonly shared?: SharedSink
}

/** Something that a sink made, such as one object. */
export interface SinkOutput {
  /** Name of the object. */
  readonly name: string
  /** Number of records in it. */
  readonly count: number
  /** Size in bytes. */
  readonly bytes: number
  /** Digest of the bytes, such as `sha256:…`. */
  readonly digest?: string
}

/**
 * Keeps the commits of one writer outside the sink's place, for several writers into one place. A
 * commit decides for outputs and state together; what no commit names does not count.
 */
export interface SinkCommits {
  /**
   * Begins the names of this writer's outputs. No other writer has the same: `00000017/000003/`.
   */
  readonly prefix: string
  /** State of the last commit. */
  readonly state: PipelineState | undefined
  commit(
    outputs: readonly SinkOutput[],
    state: PipelineState | undefined,
    isComplete: boolean,
  ): Promise<void>
}

/** The place of a sink that several writers share. */
export interface SharedSink {
  /** URL or path of the place, without secrets. */
  readonly url: string
  /**
   * Removes the objects in a folder that `keep` does not name, and what writers left unfinished.
   */
  removeOrphans(folder: string, keep: ReadonlySet<string>): Promise<void>
  /** Writes the list of all outputs, once. It must give the same list each time. */
  finish(outputs: AsyncIterable<SinkOutput>): Promise<void>
}

/** Options of {@link Sink.open}. */
export interface SinkOpenOptions {
  /** Whether an earlier run is continued. */
  readonly resume: boolean
  /** Aborts the writer's calls. */
  readonly signal: AbortSignal | undefined
  /** Where commits are kept, if not in the sink's own place. */
  readonly commits?: SinkCommits
}

/** Writes items, and commits them together with the state of the pipeline: both or neither. */
export interface SinkWriter<T, R> {
  /** State of the last commit; `undefined` before the first, and for runs without states. */
  readonly state: PipelineState | undefined
  /** The result of an earlier run that is complete; there is nothing left to do then. */
  readonly result: R | undefined
  /** How far the writing is; for `stats().written`. */
  readonly progress?: SinkProgress
  /** Whether what was written since the last commit is enough for one, such as a full shard. */
  readonly isDue: boolean
  /** Adds an item to the next commit. The item may change when the promise resolves. */
  write(item: T): void | Promise<void>
  /**
   * Commits what was written before this call. `state` covers exactly that. Calls of `write` may
   * follow before the promise resolves; they belong to the next commit.
   */
  commit(state: PipelineState | undefined): Promise<void>
  /** Commits the rest and marks the results as complete. */
  complete(state: PipelineState | undefined): Promise<R>
  /** Ends without a commit. */
  abort(): Promise<void>
}

/** How far a sink is, with what earlier runs have written there. */
export interface SinkProgress {
  /** Shards that are committed. */
  readonly shards: number
  /** Records in those shards and in the one that is being written. */
  readonly records: number
  /** Bytes of those records: of shards that are committed as stored, else before compression. */
  readonly bytes: number
}

/** How far `pipeline.writeTo()` is. */
export interface WriteProgress extends SinkProgress {
  /** Items that this run has written. */
  readonly items: number
}

/** Options of `pipeline.writeTo()`. */
export interface WriteToOptions {
  /**
   * Continues an earlier run into the same place, however it ended: the pipeline starts from the
   * state that was committed with the results, so each result is in the place exactly once. The
   * first run passes it too. Default false: the place must be empty.
   */
  readonly resume?: boolean
  /**
   * Called with the progress after each commit, at the end, and once a second while items arrive.
   * An error that it throws ends the run, as one of the sink does. `pipeline.stats().written` tells
   * the same at any time.
   */
  readonly onProgress?: (progress: WriteProgress) => void
  /** Aborts: the pipeline stops, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}
