import type { PipelineState } from '../engine/resume-state.ts'
import type { Sink, SinkOpenOptions, SinkProgress, SinkWriter } from '../engine/sink.ts'
import { SpindleError } from '../errors.ts'
import { plain } from '../plain-text.ts'
import { checkObjectName } from '../source/store/check-object.ts'
import type { ObjectStore, ObjectWriter } from '../source/store/object-store.ts'
import { CommitLog, type ShardInfo, type ShardManifest, taken } from './commit-log.ts'
import { GatheredOutput } from './gathered-output.ts'
import type { ShardEncoder, ShardFormat } from './shard-format.ts'
import { type ShardOptions, type ShardPlan, shardPlan } from './shard-options.ts'
import { OutsideLog, sharedPlace } from './shared-place.ts'

/**
 * Makes a sink that writes shards of a format, for formats of your own. A shard, the manifest and
 * the state of the pipeline are committed together.
 *
 * @param place a folder, a URL that `openStore` takes, or a store
 * @param known names of options that the format has besides {@link ShardOptions}
 * @throws `ERR_BAD_OPTION`
 */
export function shardSink<T>(
  place: string | URL | ObjectStore,
  format: ShardFormat<T>,
  options: ShardOptions = {},
  known: readonly string[] = [],
): Sink<T, ShardManifest> {
  const plan = shardPlan(place, options, known)
  return {
    open: (opening) => ShardWriter.open(format, plan, opening),
    shared: sharedPlace(plan.store, kindOf(format)),
  }
}

/** A shard that is being written. */
interface OpenShard<T> {
  readonly name: string
  readonly writer: ObjectWriter
  readonly output: GatheredOutput
  readonly encoder: ShardEncoder<T>
  count: number
}

const NOTHING = { count: 0, bytes: 0 } as const

class ShardWriter<T> implements SinkWriter<T, ShardManifest> {
  readonly #format: ShardFormat<T>
  readonly #plan: ShardPlan
  readonly #log: CommitLog | OutsideLog
  readonly #prefix: string
  readonly #signal: AbortSignal | undefined
  /** Number of the next shard. */
  #next: number
  #shard: OpenShard<T> | undefined
  /** The last commit. Later ones wait for it. */
  #tail: Promise<void> = Promise.resolve()
  /** Of the shard that is being committed. */
  #closing: { readonly count: number; readonly bytes: number } = NOTHING
  isDue = false

  private constructor(
    format: ShardFormat<T>,
    plan: ShardPlan,
    log: CommitLog | OutsideLog,
    signal: AbortSignal | undefined,
    prefix = '',
  ) {
    this.#format = format
    this.#plan = plan
    this.#log = log
    this.#prefix = prefix
    this.#signal = signal
    this.#next = log.shardCount
  }

  static async open<T>(
    format: ShardFormat<T>,
    plan: ShardPlan,
    { resume, signal, commits }: SinkOpenOptions,
  ): Promise<ShardWriter<T>> {
    const { store } = plan
    const nameOf = (shard: number): string => shardName(format, plan, shard)
    refuseNames(plan, nameOf)
    if (commits !== undefined)
      return new ShardWriter(
        format,
        plan,
        new OutsideLog(kindOf(format), commits),
        signal,
        commits.prefix,
      )
    const log = await CommitLog.open(store, kindOf(format), resume, nameOf(0))
    if (resume && log.result === undefined && log.shardCount > 0 && log.state === undefined)
      throw new SpindleError(
        'ERR_NOT_RESUMABLE',
        `${store.url} holds shards of a run without states, so what it has done is not known: choose an empty place, and pass \`resume: true\` from the first run on`,
      )
    const opened = new ShardWriter(format, plan, log, signal)
    if (log.result !== undefined) await log.writeManifest()
    else if (resume) await opened.#cleanUp()
    return opened
  }

  /** Removes the shards that an earlier run wrote and did not commit: at most two. */
  async #cleanUp(): Promise<void> {
    const { store } = this.#plan
    for (let shard = this.#next; shard < this.#next + 3; shard++) {
      const name = shardName(this.#format, this.#plan, shard)
      await store.discardUnfinished(name)
      await store.delete(name)
    }
  }

  get state(): PipelineState | undefined {
    return this.#log.state
  }

  get result(): ShardManifest | undefined {
    return this.#log.result
  }

  get progress(): SinkProgress {
    const { shardCount, recordCount, byteCount } = this.#log
    const { count = 0, output, encoder } = this.#shard ?? {}
    return {
      shards: shardCount,
      records: recordCount + this.#closing.count + count,
      bytes: byteCount + this.#closing.bytes + (output?.size ?? 0) + (encoder?.keptBytes ?? 0),
    }
  }

  write(item: T): Promise<void> | undefined {
    this.#shard ??= this.#open()
    const { encoder, output } = this.#shard
    this.#shard.count += encoder.add(item)
    const settled = encoder.settle?.()
    const bytes = output.size + encoder.keptBytes
    this.isDue = bytes >= this.#plan.maxBytes || this.#shard.count >= this.#plan.maxRecords
    if (settled !== undefined) return settled.then(() => output.flush())
    return output.isFull ? output.flush() : undefined
  }

  commit(state: PipelineState | undefined): Promise<void> {
    return this.#commit(state, false)
  }

  async complete(state: PipelineState | undefined): Promise<ShardManifest> {
    await this.#commit(state, true)
    return this.#log.result as ShardManifest
  }

  #commit(state: PipelineState | undefined, isComplete: boolean): Promise<void> {
    const shard = this.#shard
    this.#shard = undefined
    this.isDue = false
    const size = shard === undefined ? 0 : shard.output.size + shard.encoder.keptBytes
    this.#closing = { count: shard?.count ?? 0, bytes: size }
    this.#tail = this.#tail.then(async () => {
      const shards = shard === undefined ? [] : [await this.#close(shard)]
      await this.#log.commit(shards, state, isComplete)
      this.#closing = NOTHING
    })
    return this.#tail
  }

  async abort(): Promise<void> {
    const shard = this.#shard
    this.#shard = undefined
    await this.#tail.catch(() => {})
    await shard?.writer.abort()
  }

  #open(): OpenShard<T> {
    const name = this.#prefix + shardName(this.#format, this.#plan, this.#next++)
    const signal = this.#signal
    const writer = this.#plan.store.writer(name, {
      ifAbsent: true,
      ...(signal !== undefined && { signal }),
    })
    const output = new GatheredOutput(writer, this.#plan.digest)
    return { name, writer, output, encoder: this.#format.encoder(output), count: 0 }
  }

  async #close({ name, writer, output, encoder, count }: OpenShard<T>): Promise<ShardInfo> {
    try {
      await encoder.finish()
      await output.flush()
      await writer.close()
    } catch (error) {
      await writer.abort()
      throw isOfAnother(error) ? taken(this.#plan.store, error) : error
    }
    const digest = output.digest()
    const { digest: kind } = this.#plan
    return {
      name,
      count,
      bytes: output.size,
      ...(digest !== undefined && { digest: `${kind}:${digest}` }),
    }
  }
}

/**
 * Whether an error says that another writer is at work: it made the shard, whose name was free, or
 * removed what this one has not finished.
 */
function isOfAnother(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return code === 'ERR_EXISTS' || code === 'ERR_NOT_FOUND' || cause?.code === 'ENOENT'
}

/** The format with its compression: `jsonl.gz`. */
function kindOf({ kind, extension }: ShardFormat<never>): string {
  const ending = extension.slice(1)
  return ending.startsWith(kind) ? ending : `${kind} ${ending}`
}

/** Shards whose names are tried before anything is written. */
const TRIED = [...Array(17).keys(), 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999]
/** Longest name of a file, in bytes: of file systems of Linux, macOS and Windows. */
const MOST_NAME_BYTES = 255

/** @throws `ERR_BAD_OPTION` for names that the place refuses, or that are the same */
function refuseNames({ store }: ShardPlan, nameOf: (shard: number) => string): void {
  const names = new Map<string, number>()
  for (const shard of TRIED) {
    const name = nameOf(shard)
    const other = names.get(name)
    if (other !== undefined)
      throw new SpindleError(
        'ERR_BAD_OPTION',
        `\`name\` must be a function that gives another name for each shard: it gives "${plain(name)}" for ${other} and ${shard}`,
      )
    names.set(name, shard)
    const long = 'path' in store.place(name) ? name.split('/').find(isTooLong) : undefined
    if (long !== undefined)
      throw new SpindleError(
        'ERR_BAD_OPTION',
        `\`name\` must give names that the file system takes, at most ${MOST_NAME_BYTES} bytes between "/": "${plain(long)}" of shard ${shard} has ${Buffer.byteLength(long)}`,
      )
  }
}

function isTooLong(part: string): boolean {
  return Buffer.byteLength(part) > MOST_NAME_BYTES
}

function shardName<T>(format: ShardFormat<T>, plan: ShardPlan, shard: number): string {
  const base = plan.nameOf(shard)
  const name = `${base}${format.extension}`
  checkObjectName(name)
  if (typeof base !== 'string' || name.startsWith('_spindle/') || name === 'manifest.json')
    throw new SpindleError(
      'ERR_BAD_OPTION',
      '`name` must be a function that gives a text, and no name of the sink itself',
    )
  return name
}
