/** Receives the bytes of a shard. */
export interface ShardOutput {
  /**
   * Adds bytes. Few bytes are copied. Many (128 KiB or more) are written from where they are, so
   * they must not change before the promise of the item's `write` resolves.
   */
  push(bytes: Uint8Array): void
}

/** Writes items into one shard. */
export interface ShardEncoder<T> {
  /**
   * Adds an item: pushes its bytes, or keeps them for {@link finish}.
   *
   * @returns the number of records that the item holds
   * @throws if the item cannot be written; nothing of it was pushed then
   */
  add(item: T): number
  /** Bytes that are kept for {@link finish}. */
  readonly keptBytes: number
  /**
   * Pushes bytes that became ready meanwhile, such as compressed ones. Called after {@link add};
   * the next item waits for the promise.
   */
  settle?(): Promise<void> | undefined
  /** Pushes what ends the shard. */
  finish(): void | Promise<void>
}

/** A format in which items are written into shards. */
export interface ShardFormat<T> {
  /** Name of the format in the manifest: `jsonl`. */
  readonly kind: string
  /** Ending of the shards' names: `.jsonl`. */
  readonly extension: string
  /** Begins a shard. */
  encoder(output: ShardOutput): ShardEncoder<T>
}
