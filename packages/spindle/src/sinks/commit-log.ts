import type { PipelineState } from '../engine/resume-state.ts'
import { messageOf, SpindleError } from '../errors.ts'
import { plain } from '../plain-text.ts'
import type { ObjectStore } from '../source/store/object-store.ts'

/** Folder of what a sink needs for itself. Readers of datasets skip names with an underscore. */
const FOLDER = '_spindle/'
const START = `${FOLDER}start.json`
const COMMIT = /^_spindle\/commit-(\d{8})\.json$/
export const MANIFEST = 'manifest.json'
export const VERSION = 1
/** Each commit with such a number names all shards, so that few commits must be read. */
const SNAPSHOTS = 64

/** A shard that is complete. */
export interface ShardInfo {
  /** Name of the object. */
  readonly name: string
  /** Number of records in it. */
  readonly count: number
  /** Size in bytes. */
  readonly bytes: number
  /** Digest of the bytes, such as `sha256:…`; missing with `digest: false`. */
  readonly digest?: string
}

/** What `writeTo` returns for shards, and what `manifest.json` holds. */
export interface ShardManifest {
  readonly version: number
  /** Format of the shards: `jsonl`, `jsonl.gz`. */
  readonly kind: string
  readonly shards: readonly ShardInfo[]
  /** Number of records in all shards. */
  readonly count: number
  /** Size of all shards in bytes. */
  readonly bytes: number
}

/** One commit: shards that became complete, and the state that covers exactly them. */
interface Commit {
  readonly version: number
  readonly isComplete: boolean
  readonly shards: readonly ShardInfo[]
  /** All shards before this commit, in some of the commits. */
  readonly earlier?: readonly ShardInfo[]
  readonly state?: PipelineState
}

/**
 * The commits of a sink, as numbered objects that are made only if they are absent. Making the next
 * number is the commit: it succeeds for one writer only, so a writer that was replaced can change
 * nothing more. Nothing is ever overwritten.
 */
export class CommitLog {
  readonly #store: ObjectStore
  readonly #kind: string
  readonly #shards: ShardInfo[] = []
  #records = 0
  #bytes = 0
  #next: number
  #isComplete: boolean
  state: PipelineState | undefined

  private constructor(store: ObjectStore, kind: string, commits: readonly Commit[], next: number) {
    this.#store = store
    this.#kind = kind
    for (const [at, { earlier = [], shards }] of commits.entries())
      this.#add(at === 0 ? [...earlier, ...shards] : shards)
    this.#next = next
    this.#isComplete = commits.at(-1)?.isComplete === true
    this.state = commits.at(-1)?.state
  }

  /**
   * Opens the log of a place, or begins it.
   *
   * @param names of the first shards, which must not exist when a log begins
   * @throws `ERR_EXISTS` if the place holds other results; `ERR_BAD_CHECKPOINT` for a damaged log
   */
  static async open(
    store: ObjectStore,
    kind: string,
    isResumed: boolean,
    first: string,
  ): Promise<CommitLog> {
    const numbers: number[] = []
    let isStarted = false
    for await (const { name } of store.list(FOLDER)) {
      if (name === START) isStarted = true
      const number = COMMIT.exec(name)?.[1]
      if (number !== undefined) numbers.push(Number(number))
    }
    if (isStarted && !isResumed) {
      throw new SpindleError(
        'ERR_EXISTS',
        `${store.url} holds the results of an earlier run: pass \`resume: true\` to continue it, or choose an empty place`,
      )
    }
    if (isStarted) await CommitLog.#checkKind(store, kind)
    else {
      if (numbers.length > 0) throw damaged(store, START, 'it is missing, and there are commits')
      if ((await store.head(first)) !== undefined) {
        throw new SpindleError(
          'ERR_EXISTS',
          `${store.url} holds "${plain(first)}", which no run of Spindle has committed there: choose an empty place`,
        )
      }
      await store.createIfAbsent(START, `${JSON.stringify({ version: VERSION, kind })}\n`)
    }
    const last = numbers.length - 1
    for (const [at, number] of numbers.sort((a, b) => a - b).entries())
      if (number !== at) throw damaged(store, nameOf(at), 'it is missing')
    const begin = last < 0 ? 0 : last - (last % SNAPSHOTS)
    const commits: Commit[] = []
    for (let number = begin; number <= last; number++)
      commits.push(await readCommit(store, nameOf(number)))
    return new CommitLog(store, kind, commits, numbers.length)
  }

  static async #checkKind(store: ObjectStore, kind: string): Promise<void> {
    const start = parse(store, START, String(await store.read(START))) as { kind?: unknown }
    if (start.kind === kind) return
    throw new SpindleError(
      'ERR_OTHER_STATE',
      `${store.url} holds shards of the format ${plain(String(start.kind))}, and this sink writes ${kind}: choose another place`,
    )
  }

  /** Number of shards that are committed. */
  get shardCount(): number {
    return this.#shards.length
  }

  /** Number of records in shards that are committed. */
  get recordCount(): number {
    return this.#records
  }

  /** Size of the shards that are committed, in bytes. */
  get byteCount(): number {
    return this.#bytes
  }

  /** The result of a run that is complete. */
  get result(): ShardManifest | undefined {
    return this.#isComplete ? this.#manifest() : undefined
  }

  /**
   * Commits shards and state.
   *
   * @throws `ERR_CHECKPOINT_TAKEN` if another writer has committed since
   */
  async commit(
    shards: readonly ShardInfo[],
    state: PipelineState | undefined,
    isComplete = false,
  ): Promise<void> {
    const number = this.#next
    const commit: Commit = {
      version: VERSION,
      isComplete,
      shards,
      ...(number % SNAPSHOTS === 0 && number > 0 && { earlier: this.#shards }),
      ...(state !== undefined && { state }),
    }
    const isMade = await this.#store.createIfAbsent(nameOf(number), `${JSON.stringify(commit)}\n`)
    if (!isMade) throw taken(this.#store)
    this.#next++
    this.#add(shards)
    this.#isComplete = isComplete
    this.state = state
    if (isComplete) await this.writeManifest()
  }

  /** Writes the list of all shards for readers. A crash before it is mended by the next open. */
  async writeManifest(): Promise<void> {
    const text = `${JSON.stringify(this.#manifest(), undefined, 1)}\n`
    if ((await this.#store.head(MANIFEST)) === undefined) await this.#store.create(MANIFEST, text)
  }

  #manifest(): ShardManifest {
    const [count, bytes] = [this.#records, this.#bytes]
    return { version: VERSION, kind: this.#kind, shards: [...this.#shards], count, bytes }
  }

  #add(shards: readonly ShardInfo[]): void {
    for (const shard of shards) {
      this.#shards.push(shard)
      this.#records += shard.count
      this.#bytes += shard.bytes
    }
  }
}

/** The error for a writer that has been replaced. */
export function taken(store: ObjectStore, cause?: unknown): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_TAKEN',
    `${store.url}: another writer has written there since this one began`,
    { cause },
  )
}

function nameOf(number: number): string {
  return `${FOLDER}commit-${String(number).padStart(8, '0')}.json`
}

async function readCommit(store: ObjectStore, name: string): Promise<Commit> {
  const commit = parse(store, name, String(await store.read(name))) as Partial<Commit>
  if (commit.version !== VERSION)
    throw damaged(store, name, `it has version ${commit.version}, known is ${VERSION}`)
  for (const shards of [commit.shards, commit.earlier ?? []])
    if (!Array.isArray(shards) || !shards.every(isShard))
      throw damaged(store, name, 'it names no shards')
  return commit as Commit
}

function isShard(shard: Partial<ShardInfo> | null): boolean {
  return (
    typeof shard?.name === 'string' &&
    Number.isSafeInteger(shard.count) &&
    Number.isSafeInteger(shard.bytes)
  )
}

function parse(store: ObjectStore, name: string, text: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damaged(store, name, messageOf(error))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw damaged(store, name, 'it holds no object')
  return value
}

function damaged(store: ObjectStore, name: string, problem: string): SpindleError {
  return new SpindleError(
    'ERR_BAD_CHECKPOINT',
    `${store.url}: ${name} is damaged: ${plain(problem)}`,
  )
}
