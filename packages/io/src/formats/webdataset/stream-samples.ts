import { type AsyncSource, defineAsyncSource, KeyedPermutation } from 'spindle/source'
import { nodeCrypto } from '../../builtins.ts'
import { readMany } from '../archive/read-many.ts'
import { iterateTar } from '../tar/iterate-tar.ts'
import { groupByKey, type Sample } from './group-by-key.ts'
import type { ShardPlace } from './shard-places.ts'
import type { WebDatasetPlan } from './web-dataset-options.ts'

const IDENTIFIED_AT_A_TIME = 16
/** A gap of more samples than this is jumped over, where counts are known. */
const NEAR = 64

/**
 * The samples of shards that are read as streams, from their first byte: nothing is indexed, so the
 * first sample is there after its own bytes. How many samples a shard has is known once it was read
 * to its end; then later passes jump over it.
 */
export async function streamedSamples(
  shards: readonly ShardPlace[],
  plan: WebDatasetPlan,
): Promise<AsyncSource<Sample>> {
  const identities = await readMany(
    shards,
    () => 0,
    IDENTIFIED_AT_A_TIME,
    (shard) => shard.identify(),
  )
  const hash = nodeCrypto().createHash('sha256')
  for (const [at, { name }] of shards.entries()) hash.update(JSON.stringify([name, identities[at]]))
  const digest = hash.digest('hex').slice(0, 16)
  const counts: (number | undefined)[] = shards.map(() => undefined)
  const { interleave, shuffleShards, seed, extensions } = plan
  return defineAsyncSource({
    size: undefined,
    description: {
      kind: 'WebDataset stream',
      shards: shards.length,
      digest,
      interleave,
      ...(shuffleShards ? { seed } : {}),
      ...(extensions === undefined ? {} : { extensions: [...extensions] }),
    },
    pick: (positions, epoch) =>
      pick(shards, groupsOf(shards.length, plan, epoch), counts, plan, positions),
  })
}

/** The shards of an epoch in order, in groups that give samples in turn. */
function groupsOf(
  count: number,
  { interleave, shuffleShards, seed }: WebDatasetPlan,
  epoch: number,
): readonly (readonly number[])[] {
  const order = new KeyedPermutation(count, seed, epoch)
  const groups: number[][] = []
  for (let at = 0; at < count; at++) {
    if (at % interleave === 0) groups.push([])
    groups.at(-1)?.push(shuffleShards ? order.at(at) : at)
  }
  return groups
}

async function* pick(
  shards: readonly ShardPlace[],
  groups: readonly (readonly number[])[],
  counts: (number | undefined)[],
  plan: WebDatasetPlan,
  positions: Iterable<number>,
): AsyncGenerator<Sample, void, void> {
  let reading: AsyncGenerator<Sample, void, void> | undefined
  let next = 0
  try {
    for (const position of positions) {
      if (reading === undefined || position < next || position - next > NEAR) {
        await reading?.return()
        const [group, first] = groupAt(groups, counts, position)
        reading = samplesOf(shards, groups.slice(group), counts, plan)
        next = first
      }
      for (;;) {
        const step = await reading.next()
        if (step.done === true) return
        if (next++ === position) {
          yield step.value
          break
        }
      }
    }
  } finally {
    await reading?.return()
  }
}

/** The last group whose first position is known and not behind a position, and that position. */
function groupAt(
  groups: readonly (readonly number[])[],
  counts: readonly (number | undefined)[],
  position: number,
): [group: number, first: number] {
  let first = 0
  for (const [at, group] of groups.entries()) {
    let count = 0
    for (const shard of group) count += counts[shard] ?? Number.NaN
    if (!(first + count <= position)) return [at, first]
    first += count
  }
  return [groups.length, first]
}

async function* samplesOf(
  shards: readonly ShardPlace[],
  groups: readonly (readonly number[])[],
  counts: (number | undefined)[],
  plan: WebDatasetPlan,
): AsyncGenerator<Sample, void, void> {
  for (const group of groups) {
    let open = group.map((shard) => ({
      shard,
      count: 0,
      samples: samplesIn(shards[shard] as ShardPlace, plan)[Symbol.asyncIterator](),
    }))
    try {
      while (open.length > 0) {
        const left: typeof open = []
        for (const reader of open) {
          const step = await reader.samples.next()
          if (step.done === true) {
            counts[reader.shard] = reader.count
            continue
          }
          reader.count++
          left.push(reader)
          yield step.value
        }
        open = left
      }
    } finally {
      for (const { samples } of open) await samples.return?.()
    }
  }
}

async function* samplesIn(
  { place, fetching }: ShardPlace,
  { extensions, maxSampleBytes, readAheadBytes }: WebDatasetPlan,
): AsyncGenerator<Sample, void, void> {
  const members = iterateTar(place, {
    ...fetching,
    readAheadBytes,
    maxMemberBytes: Math.min(maxSampleBytes, MOST_MEMBER_BYTES),
  })
  for await (const sample of groupByKey(members, { maxSampleBytes })) {
    if (extensions === undefined) yield sample
    else {
      const wanted = Object.entries(sample.files).filter(([end]) => extensions.includes(end))
      yield { __key__: sample.__key__, files: Object.fromEntries(wanted) }
    }
  }
}

const MOST_MEMBER_BYTES = 4 * 1024 ** 3
