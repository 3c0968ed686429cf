import { createHash } from 'node:crypto'
import { type AsyncSource, defineAsyncSource, expandBraces } from 'spindle/source'
import { badOption } from '../../base/errors.ts'
import { readMany } from '../archive/read-many.ts'
import type { Sample } from './group-by-key.ts'
import { readSamples } from './read-samples.ts'
import { indexShard, type Shard } from './shard.ts'
import { ShardOrder } from './shard-order.ts'
import {
  type WebDatasetOptions,
  type WebDatasetPlan,
  webDatasetPlan,
} from './web-dataset-options.ts'

/** Shards whose indices are opened at a time. */
const OPENED_AT_A_TIME = 8

/**
 * The samples of tar shards in WebDataset's convention, as a seekable source: files that follow
 * each other in a shard and have the same path up to the first dot are one sample. `split`,
 * `shuffled`, `shuffleBuffer` and `mix` of `spindle/source` take it, and it begins at any sample at
 * once, for each shard is indexed as `TarIndex` does it: in one pass the first time, from a file
 * beside it later.
 *
 * Samples come shard after shard, or from several shards in turn (`interleave`); with
 * `shuffleShards` the shards come in another order each epoch. Samples that follow each other are
 * read together, 1 MiB at a time (over the network 8 MiB, tried again where it fails), others one
 * by one; so `shuffleBuffer` is much cheaper than `shuffled`. Memory: what is read at a time for
 * each of `interleave` shards, and for each sample its key, and some numbers for each of its files.
 *
 * A state belongs to keys, extensions and sizes of all samples in order, wherever the shards lie.
 *
 * @param shards paths and `http:` or `https:` URLs, of which strings may have braces:
 *   `train-{000..099}.tar`
 * @throws ArchiveError and MediaError as `TarIndex.open`; `ERR_DECODE` for a sample with two files
 *   of one extension. Iterating: `ERR_READ` as `TarIndex.read`; as `readUrl` of
 * `spindle/source` over the network
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
  const places = placesOf(shards)
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

function placesOf(shards: string | URL | readonly (string | URL)[]): (string | URL)[] {
  const list: readonly unknown[] = Array.isArray(shards) ? shards : [shards]
  if (list.length === 0)
    throw badOption('shards', 'a path, a URL, or an array of at least one', shards)
  return list.flatMap((shard) => {
    if (shard instanceof URL) return [shard]
    if (typeof shard !== 'string' || shard === '')
      throw badOption('shards', 'made of paths and URLs', shard)
    return expandBraces(shard).map((name) => (/^https?:\/\//.test(name) ? new URL(name) : name))
  })
}

function digestOf(shards: readonly Shard[], { extensions }: WebDatasetPlan): string {
  const hash = createHash('sha256')
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
