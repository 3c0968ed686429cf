// One measurement: node cell.mjs <contestant> <folder of inputs>. Prints milliseconds for starts,
// otherwise items a second of CPU time, which other programs on the machine disturb less than the
// clock's.
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fromWebDataset, groupByKey, iterateTar } from '@spindle/io'
import {
  DistributedSampler,
  fromJsonLines,
  fromManifest,
  mix,
  shuffleBuffer,
  shuffled,
  split,
} from 'spindle/source'

const [, , contestant, folder] = process.argv
const LIMIT = 5e6
const items = Array.from({ length: 2e6 }, (_, i) => i)
const quarters = [0, 1, 2, 3].map((part) => items.slice(part * 5e5, (part + 1) * 5e5))
const shards = join(folder, '{0..3}.tar')

const kinds = {
  sequential: () => ({}),
  shuffled: () => ({ shuffle: true }),
  replacement: () => ({ replacement: true }),
  weighted: (size) => ({ weights: Float64Array.from({ length: size }, (_, i) => 1 + (i % 10)) }),
}
const arrays = {
  'array alone': () => split(items, { rank: 0, worldSize: 1 }),
  'array shuffled': () => shuffled(items, { seed: 1 }),
  'array buffer': () => shuffleBuffer(items, { size: 10_000, seed: 1 }),
  'array split': () => split(shuffled(items, { seed: 1 }), { rank: 1, worldSize: 2 }),
  'mix of 4 weighted': () => mix(quarters, { weights: [4, 3, 2, 1], seed: 1 }),
  'mix of 4 in turn': () => mix(quarters),
  'stream buffer': () => shuffleBuffer(items.values(), { size: 10_000, seed: 1 }),
}
const read = {
  'jsonlines in order': async () => fromJsonLines(join(folder, 'records.jsonl')),
  'manifest in order': async () => fromManifest(join(folder, 'records.jsonl')),
  'manifest buffer': async () => shuffleBuffer(await read['manifest in order'](), { size: 1000 }),
  'manifest shuffled': async () =>
    split(shuffled(await read['manifest in order']()), { rank: 0, worldSize: 10 }),
  'readline and JSON.parse': async () => lines(),
  'webdataset in order': async () => fromWebDataset(shards),
  'webdataset buffer': async () =>
    shuffleBuffer(await read['webdataset in order'](), { size: 500 }),
  'webdataset shuffled': async () => shuffled(await read['webdataset in order']()),
  'iterateTar and groupByKey': async () => samples(),
}

console.log(await measure())

async function measure() {
  const [what, kind, text] = contestant.split(' ')
  const size = Number(text)
  if (what === 'start') {
    const options = { seed: 1, ...kinds[kind](size) }
    const begin = performance.now()
    new DistributedSampler(size, options)[Symbol.iterator]().next()
    return performance.now() - begin
  }
  if (what === 'rate') {
    // What users pay includes making the sampler with its table of weights.
    const options = { seed: 1, ...kinds[kind](size) }
    return rateOf(() => new DistributedSampler(size, options))
  }
  if (contestant in arrays) return rateOf(arrays[contestant])
  // The index of shards is made once, for all later runs.
  if (contestant.startsWith('webdataset')) await fromWebDataset(shards)
  const source = await read[contestant]()
  const begin = process.cpuUsage()
  let count = 0
  for await (const _ of source) count++
  return count / secondsSince(begin)
}

function rateOf(make) {
  const begin = process.cpuUsage()
  let count = 0
  let sum = 0
  for (const index of make()) {
    sum += index
    if (++count === LIMIT) break
  }
  if (!Number.isFinite(sum)) throw new Error('an index that is none')
  return count / secondsSince(begin)
}

function secondsSince(begin) {
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1e6
}

async function* lines() {
  for await (const line of createInterface({
    input: createReadStream(join(folder, 'records.jsonl')),
  }))
    yield JSON.parse(line)
}

async function* samples() {
  for (let shard = 0; shard < 4; shard++)
    yield* groupByKey(iterateTar(join(folder, `${shard}.tar`)))
}
