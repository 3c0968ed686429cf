import type { PipelineState } from '../engine/resume-state.ts'
import type { SharedSink, SinkCommits, SinkOutput } from '../engine/sink.ts'
import type { ObjectStore } from '../source/store/object-store.ts'
import { MANIFEST, type ShardInfo, type ShardManifest, VERSION } from './commit-log.ts'

/** Text of a manifest that is written at a time. */
const PIECE = 1 << 16

/** The commits of a writer whose commits are kept outside the place. */
export class OutsideLog {
  readonly #kind: string
  readonly #commits: SinkCommits
  readonly #shards: ShardInfo[] = []
  state: PipelineState | undefined
  /** What this writer made; the manifest of the place is written when all writers are complete. */
  result: ShardManifest | undefined

  constructor(kind: string, commits: SinkCommits) {
    this.#kind = kind
    this.#commits = commits
    this.state = commits.state
  }

  /** Shards that this writer committed. */
  get shardCount(): number {
    return this.#shards.length
  }

  get recordCount(): number {
    return this.#shards.reduce((sum, { count }) => sum + count, 0)
  }

  get byteCount(): number {
    return this.#shards.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async commit(
    shards: readonly ShardInfo[],
    state: PipelineState | undefined,
    isComplete = false,
  ): Promise<void> {
    await this.#commits.commit(shards, state, isComplete)
    this.#shards.push(...shards)
    this.state = state
    if (!isComplete) return
    const { recordCount: count, byteCount: bytes } = this
    this.result = { version: VERSION, kind: this.#kind, shards: this.#shards, count, bytes }
  }
}

/** A place that several writers share. */
export function sharedPlace(store: ObjectStore, kind: string): SharedSink {
  return {
    url: store.url,
    removeOrphans: (folder, keep) => removeOrphans(store, folder, keep),
    finish: (outputs) => writeSharedManifest(store, kind, outputs),
  }
}

async function removeOrphans(
  store: ObjectStore,
  folder: string,
  keep: ReadonlySet<string>,
): Promise<void> {
  await store.discardUnfinished(folder)
  const orphans: string[] = []
  for await (const { name } of store.list(folder)) if (!keep.has(name)) orphans.push(name)
  for (const name of orphans) await store.delete(name)
}

/** Writes `manifest.json` piece by piece, because there may be a million shards. */
async function writeSharedManifest(
  store: ObjectStore,
  kind: string,
  outputs: AsyncIterable<SinkOutput>,
): Promise<void> {
  if ((await store.head(MANIFEST)) !== undefined) return
  const writer = store.writer(MANIFEST)
  let text = `{\n "version": ${VERSION},\n "kind": ${JSON.stringify(kind)},\n "shards": [`
  let [count, bytes] = [0, 0]
  let separator = '\n'
  try {
    for await (const output of outputs) {
      text += `${separator}  ${JSON.stringify(output)}`
      separator = ',\n'
      count += output.count
      bytes += output.bytes
      if (text.length < PIECE) continue
      await writer.write(Buffer.from(text))
      text = ''
    }
    text += `\n ],\n "count": ${count},\n "bytes": ${bytes}\n}\n`
    await writer.write(Buffer.from(text))
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}
