/** What a store knows about one object. */
export interface ObjectInfo {
  /** Name in the store, with `/` between folders. */
  readonly name: string
  /** Size in bytes. */
  readonly size: number
  /**
   * Identifies the content: the `ETag` of a server, or size and time of a local file. Two reads
   * with the same version have the same bytes. `undefined` if the server sends none.
   */
  readonly version: string | undefined
  /** Time of the last change, in milliseconds since 1970; `undefined` if it is unknown. */
  readonly modifiedMs: number | undefined
}

/** Options that every call of a store takes. */
export interface StoreCallOptions {
  /** Aborts the call; its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of {@link ObjectStore.read} and {@link ObjectStore.stream}. */
export interface StoreReadOptions extends StoreCallOptions {
  /** First byte, and the byte after the last. Default: the whole object. */
  readonly range?: readonly [start: number, end: number]
}

/** Options of {@link ObjectStore.create} and {@link ObjectStore.writer}. */
export interface StoreWriteOptions extends StoreCallOptions {
  /**
   * Whether an existing object is left alone: the call then rejects with `ERR_EXISTS`. Default
   * false: the object is replaced.
   */
  readonly ifAbsent?: boolean
}

/** Writes one object in pieces. The object appears as a whole when `close()` resolves. */
export interface ObjectWriter {
  /**
   * Appends bytes. Wait for the promise before you write more, so that memory stays bounded. The
   * bytes must not change before it resolves.
   */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Completes the object. When the promise resolves, the object is durable.
   *
   * @throws `ERR_EXISTS` with `ifAbsent`, if the object exists
   */
  close(): Promise<ObjectInfo>
  /** Discards what was written. Does nothing after `close()`. */
  abort(): Promise<void>
}

/** How a reader of files and URLs reaches an object. */
export type ObjectPlace =
  | { readonly path: string }
  | {
      readonly url: URL
      readonly headers: Readonly<Record<string, string>>
      /** Signs and makes requests. */
      readonly fetch: typeof fetch
    }

/**
 * Objects under names: a local folder, a bucket, a dataset repository. Objects are replaced as a
 * whole, and readers never see a part of one.
 *
 * Names are relative to the store's URL, with `/` between folders. A name that leaves the store
 * (`..`), an empty part and a control character are refused with `ERR_BAD_OPTION`.
 */
export interface ObjectStore {
  /** The URL or path with which the store was opened, without secrets. */
  readonly url: string
  /** Information about an object; `undefined` if it does not exist. */
  head(name: string, options?: StoreCallOptions): Promise<ObjectInfo | undefined>
  /**
   * Reads an object, or a range of it. Broken transfers continue where they stopped.
   *
   * @throws `ERR_NOT_FOUND`; `ERR_HTTP`, `ERR_READ`, `ERR_TIMEOUT`
   */
  read(name: string, options?: StoreReadOptions): Promise<Buffer>
  /** Reads an object piece by piece, for objects that are too large for memory. */
  stream(name: string, options?: StoreReadOptions): AsyncIterable<Uint8Array>
  /** The objects whose names begin with `prefix`, ordered by name (by code units). */
  list(prefix?: string, options?: StoreCallOptions): AsyncIterable<ObjectInfo>
  /** Writes an object as a whole. When the promise resolves, it is durable. */
  create(name: string, bytes: Uint8Array | string, options?: StoreWriteOptions): Promise<ObjectInfo>
  /**
   * Writes an object only if none of that name exists. Of several callers, also on other machines,
   * exactly one succeeds.
   *
   * @returns whether this call made the object
   */
  createIfAbsent(
    name: string,
    bytes: Uint8Array | string,
    options?: StoreCallOptions,
  ): Promise<boolean>
  /** Writes an object in pieces. */
  writer(name: string, options?: StoreWriteOptions): ObjectWriter
  /** Deletes an object. A missing one is no error. */
  delete(name: string, options?: StoreCallOptions): Promise<void>
  /**
   * Removes what crashed writers left unfinished under `prefix`: temporary files, uploads in parts.
   * A writer that still runs there fails.
   */
  discardUnfinished(prefix: string): Promise<void>
  /** Where readers of files and URLs find an object. */
  place(name: string): ObjectPlace
}
