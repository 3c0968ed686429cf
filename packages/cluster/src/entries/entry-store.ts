/** Options that every call takes. */
export interface EntryCallOptions {
  readonly signal?: AbortSignal
}

/**
 * Small texts under names, with one atomic operation: create if absent. A ledger needs nothing
 * else. Folders, object stores, Redis, PostgreSQL and key-value stores have it.
 *
 * Names have `/` between folders and consist of `[A-Za-z0-9._+/-]`. A read sees every write that
 * ended before the read began.
 */
export interface EntryStore {
  /** The URL or path, without secrets. */
  readonly url: string
  /**
   * Writes an entry if none of that name exists. Of several callers exactly one gets `true`. When
   * it resolves, the entry is durable. A call that rejects may have written.
   */
  createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean>
  /** Writes an entry, and replaces an earlier one as a whole. */
  put(name: string, text: string, options?: EntryCallOptions): Promise<void>
  /** The text of an entry; `undefined` if there is none. */
  read(name: string, options?: EntryCallOptions): Promise<string | undefined>
  /** Changes whenever the entry is written; `undefined` if there is none. */
  version(name: string, options?: EntryCallOptions): Promise<string | undefined>
  /** Names of the entries that begin with `prefix`, which ends at a folder. In any order. */
  list(prefix: string, options?: EntryCallOptions): AsyncIterable<string>
  /** Deletes an entry. A missing one is no error. */
  delete(name: string, options?: EntryCallOptions): Promise<void>
  /** Frees connections. */
  close(): Promise<void>
}
