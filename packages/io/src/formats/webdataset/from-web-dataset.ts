import { type AsyncSource, defineAsyncSource } from 'spindle/source'
import { badOption } from '../../base/errors.ts'
import { nodeCrypto } from '../../builtins.ts'
import { readMany } from '../archive/read-many.ts'
import type { Sample } from './group-by-key.ts'
import { readSamples } from './read-samples.ts'
import { indexShard, type Shard } from './shard.ts'
import { ShardOrder } from './shard-order.ts'
import { type ShardPlace, shardPlaces } from './shard-places.ts'
import { streamedSamples } from './stream-samples.ts'
import {
  type WebDatasetOptions,
  type WebDatasetPlan,
  webDatasetPlan,
} from './web-dataset-options.ts'

/** Number of shard indices that are opened at a time. */
const OPENED_AT_A_TIME = 8

/**
 * The samples of tar shards in WebDataset's convention, as a seekable source: adjacent files of a
 * shard whose paths agree up to the first dot are one sample. `split`, `shuffled`, `shuffleBuffer`
 * and `mix` of `spindle/source` take the source.
 *
 * Each local shard has an index as in `TarIndex`: built in one pass the first time, and loaded from
 * a file beside the shard later. The source then has a `size` and begins at any sample at once.
 * Shards on a network and compressed shards are read as streams (`stream`), so the first sample
 * comes at once.
 *
 * Samples come shard after shard, or from several shards in turn (`interleave`). With
 * `shuffleShards` the order of the shards is different in each epoch. Adjacent samples are read
 * together, 1 MiB at a time (8 MiB over the network, with retries), other samples one by one. So
 * `shuffleBuffer` is much cheaper than `shuffled`. Memory: one such read for each of `interleave`
 * shards, and for each sample its key and a few numbers for each of its files.
 *
 * A resume state belongs to the keys, extensions and sizes of all samples in order, wherever the
 * shards are; of streams, to the names and versions of the shards.
 *
 * @param shards paths and URLs that `openStore` takes (`https:`, `s3:`, `hf:`, …), or names in
 *   `store`. Strings may have braces and patterns: `train-{000..099}.tar`, `data/*.tar`
 * @throws ArchiveError and MediaError as `TarIndex.open`; `ERR_DECODE` if a sample has two files of
 *   one extension. While iterating: `ERR_READ` as `TarIndex.read`, and over the network the errors
 *   of `readUrl` of `spindle/source`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { fromWebDataset } from '@spindle/io'
 *
 * const samples = await fromWebDataset('packages/io/test/archives/{pets,pets}.tar', { index: false, interleave: 2 })
 * const keys: string[] = []
 * for await (const { __key__, files } of samples.iterateFrom(1, 0)) keys.push(`${__key__}: ${Object.keys(files)}`)
 * assert.deepEqual(keys, ['pets/cat: txt', 'pets/dog: txt', 'pets/dog: txt'])
 * ```
 */
export async function fromWebDataset(
  shards: string | URL | readonly (string | URL)[],
  options: WebDatasetOptions = {},
): Promise<AsyncSource<Sample>> {
  const plan = webDatasetPlan(options)
  checkShards(shards)
  const places = await shardPlaces(shards, plan.store, plan.fetching)
  if (plan.stream ?? (plan.index === undefined && places.some(isBetterStreamed)))
    return await streamedSamples(places, plan)
  const opened = await readMany(
    places,
    () => 0,
    OPENED_AT_A_TIME,
    (place) => indexShard(place, plan),
  )
  const order = new ShardOrder(
    opened.map(({ keys }) => keys.length),
    plan,
  )
  return defineAsyncSource({
    size: order.size,
    description: {
      kind: 'WebDataset',
      size: order.size,
      shards: opened.length,
      digest: digestOf(opened, plan),
      interleave: plan.interleave,
      ...(plan.shuffleShards ? { seed: plan.seed } : {}),
    },
    pick: (positions, epoch) => readSamples(opened, order.ofEpoch(epoch), positions, plan),
  })
}

/** Whether indexing would read all of a shard before the first sample. */
function isBetterStreamed({ place, name }: ShardPlace): boolean {
  return place instanceof URL || /\.(?:tgz|gz|zst)$/i.test(name)
}

function checkShards(shards: unknown): void {
  const list: readonly unknown[] = Array.isArray(shards) ? shards : [shards]
  if (list.length === 0)
    throw badOption('shards', 'a path, a URL, or an array of at least one', shards)
  for (const shard of list)
    if (!(shard instanceof URL) && (typeof shard !== 'string' || shard === ''))
      throw badOption('shards', 'made of paths and URLs', shard)
}

function digestOf(shards: readonly Shard[], { extensions }: WebDatasetPlan): string {
  const hash = nodeCrypto().createHash('sha256')
  hash.update(JSON.stringify(extensions ?? null))
  for (const { keys, firsts, extensions: endings, sizes } of shards) {
    for (const [sample, key] of keys.entries()) {
      hash.update(`${key}\0`)
      for (let file = firsts[sample]!; file < firsts[sample + 1]!; file++)
        hash.update(`${endings[file]} ${sizes[file]}\0`)
    }
    hash.update('\n')
  }
  return hash.digest('hex').slice(0, 16)
}
