// A batch of each kind, and one `Uint8Array.set` of as many bytes as the batch has, into memory of
// the same kind: no padding, no records, one call.
import { collate, collatedBytes } from 'spindle/loader'
import { median, seeded } from './median.mjs'

const random = seeded(1)
const between = (low, high) => low + Math.floor(random() * (high - low))
const many = (count, make) => Array.from({ length: count }, make)

const images = many(64, () => ({
  data: new Uint8Array(3 * 224 * 224).fill(7),
  dtype: 'uint8',
  shape: [3, 224, 224],
}))
const floats = many(32, () => ({
  data: new Float32Array(3 * 224 * 224).fill(0.5),
  dtype: 'float32',
  shape: [3, 224, 224],
}))
const tokens = many(64, () => ({ inputIds: new BigInt64Array(between(64, 2048)).fill(5n) }))
const audio = many(16, () => new Float32Array(between(40_000, 160_000)).fill(0.5))
const detection = many(8, () => {
  const shape = [3, between(600, 800), between(600, 1000)]
  return {
    data: new Float32Array(shape[0] * shape[1] * shape[2]).fill(0.5),
    dtype: 'float32',
    shape,
  }
})
const small = many(256, (_, i) => ({
  ids: new BigInt64Array(128).fill(3n),
  vector: new Float32Array(64).fill(1),
  label: i,
}))

const batches = [
  ['64 images, uint8 3x224x224', images, {}],
  ['32 images, float32 3x224x224', floats, {}],
  [
    '64 texts, int64, padded on the right with 1',
    tokens,
    { pad: { inputIds: { value: 1, multipleOf: 8 } } },
  ],
  [
    'the same with attention mask',
    tokens,
    { pad: { inputIds: { value: 1, multipleOf: 8, mask: 'attentionMask' } } },
  ],
  ['16 waveforms, float32, padded', audio, { pad: { '': { value: 0 } } }],
  [
    '8 images, float32, height and width padded',
    detection,
    { pad: { '': { value: 0, multipleOf: [1, 32, 32] } } },
  ],
  ['256 records: 128 x int64, 64 x float32, a number', small, {}],
]

/** Memory of the batch's own, memory used again, shared memory of its own. */
const memories = {
  new: { options: () => ({}), target: (bytes) => () => new Uint8Array(bytes) },
  reused: {
    options: (bytes) => ({ into: new ArrayBuffer(bytes) }),
    target(bytes) {
      const memory = new Uint8Array(bytes)
      return () => memory
    },
  },
  shared: {
    options: () => ({ shared: true }),
    target: (bytes) => () => new Uint8Array(new SharedArrayBuffer(bytes)),
  },
}

export function collateCases(rounds) {
  return batches.flatMap(([name, records, options]) =>
    Object.entries(memories).map(([memory, kind]) => {
      const bytes = collatedBytes(records, options)
      // As many bytes to read as the records have; what is padded is read again.
      const from = new Uint8Array(bytes).fill(1)
      const target = kind.target(bytes)
      const all = { ...options, ...kind.options(bytes) }
      const copy = () => target().set(from)
      const run = () => collate(records, all)
      // As many repetitions as make 60 MB, so that a clock's reading is nothing beside them.
      const repeats = Math.max(2, Math.ceil(60e6 / bytes))
      for (const each of [copy, run, copy, run]) timed(each, repeats)
      const pairs = Array.from({ length: rounds }, (_, round) => {
        const order = round % 2 === 0 ? [copy, run] : [run, copy]
        const times = order.map((each) => timed(each, repeats))
        return round % 2 === 0 ? times : times.reverse()
      })
      const rate = (ms) => (bytes * repeats) / ms / 1e6
      return {
        name,
        megabytes: bytes / 1e6,
        memory,
        copy: rate(median(pairs.map(([ms]) => ms))),
        collate: rate(median(pairs.map(([, ms]) => ms))),
        ratio: median(pairs.map(([copyMs, collateMs]) => copyMs / collateMs)),
      }
    }),
  )
}

function timed(call, repeats) {
  const before = process.cpuUsage()
  for (let i = 0; i < repeats; i++) call()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
