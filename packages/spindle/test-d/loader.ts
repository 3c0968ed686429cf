// What the types of spindle/loader say; compiled, not run.
import { type Aggregator, PipelineBuilder, workerModule } from 'spindle'
import {
  assemblePack,
  batchByTokens,
  bucketByLength,
  CacheDataLoader,
  type Collated,
  collate,
  DataLoader,
  type NdArray,
  packDocuments,
  packSequences,
  type TokenDocument,
} from 'spindle/loader'

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function type<T>(_value: T): <U>(same: Same<T, U>) => void {
  return () => {}
}

// Loaders: the type of what comes out follows from the options.
type(new DataLoader([1, 2]))<DataLoader<number>>(true)
type(new DataLoader(['a'], { preprocess: (text) => text.length }))<DataLoader<number>>(true)
type(new DataLoader(['a'], { preprocess: async (text) => (text === '' ? undefined : { text }) }))<
  DataLoader<{ text: string }>
>(true)
type(new DataLoader(['a'], { batchSize: 2 }))<DataLoader<string[]>>(true)
type(new DataLoader(['a'], { preprocess: async (text) => text.length, batchSize: 2 }))<
  DataLoader<number[]>
>(true)
type(
  new DataLoader(['a'], {
    preprocess: async (text) => text.length,
    batchSize: 2,
    collate: (lengths) => ({ mean: lengths.reduce((a, b) => a + b, 0) / lengths.length }),
    transfer: async ({ mean }) => String(mean),
  }),
)<DataLoader<string>>(true)
const buckets = bucketByLength<string>({
  length: (text) => text.length,
  boundaries: [2],
  batchSize: 2,
})
type(buckets)<() => Aggregator<string, string[]>>(true)
type(new DataLoader(['a'], { aggregate: buckets }))<DataLoader<string[]>>(true)
type(new DataLoader(['a'], { aggregate: buckets, collate: (texts) => texts.join() }))<
  DataLoader<string>
>(true)

const ops = workerModule<{
  decode(path: string): Promise<Uint8Array>
  gather(all: Uint8Array[]): { all: number }
}>('file:///ops.js')
type(
  new DataLoader(['a'], {
    preprocess: ops.decode,
    batchSize: 2,
    collate: ops.gather,
    placement: 'worker',
  }),
)<DataLoader<{ all: number }>>(true)
type(new CacheDataLoader(new DataLoader(['a'], { batchSize: 2 })))<CacheDataLoader<string[]>>(true)

// @ts-expect-error paths are texts
new DataLoader(['a'], { preprocess: (n: number) => n })
// @ts-expect-error batches are lists
new DataLoader(['a'], { batchSize: 2, collate: (text: string) => text })
// @ts-expect-error an option that there is not
new DataLoader(['a'], { batchsize: 2 })
// @ts-expect-error one of the two
new DataLoader(['a'], { batchSize: 2, aggregate: buckets })

// Collating.
interface Sample {
  readonly image: NdArray<'uint8'>
  readonly ids: BigInt64Array
  readonly label: number
  readonly box: readonly number[]
  readonly text: string
  readonly nested: { readonly weight: number }
}
declare const samples: Sample[]
const batch = collate(samples, {
  pad: { ids: { mask: 'attentionMask' } },
  numbers: 'float32',
  dtypes: { label: 'int64', 'nested.weight': 'float64' },
})
type(batch.image)<NdArray<'uint8'>>(true)
type(batch.ids)<NdArray<'int64'>>(true)
type(batch.attentionMask)<NdArray<'int64'>>(true)
type(batch.label)<NdArray<'int64'>>(true)
type(batch.box)<NdArray<'float32'>>(true)
type(batch.text)<string[]>(true)
type(batch.nested.weight)<NdArray<'float64'>>(true)
type(collate(samples).label)<NdArray<'float64'>>(true)
type(collate([Float32Array.of(1)]))<NdArray<'float32'>>(true)
declare const pairs: (readonly [Uint8Array, string])[]
type(collate(pairs)[1])<string[]>(true)
declare const collated: Collated<{ a: boolean; b: bigint }>
type(collated.a)<NdArray<'bool'>>(true)
type(collated.b)<NdArray<'int64'>>(true)
// @ts-expect-error no such dtype
collate(samples, { dtypes: { label: 'int63' } })

// Packing.
const documents = new PipelineBuilder().addSource<TokenDocument>([[1, 2]])
for await (const pack of packSequences(documents, { maxTokens: 8 }).build())
  type(pack.inputIds)<NdArray<'int64'>>(true)
for await (const pack of packSequences(documents, {
  maxTokens: 8,
  dtype: 'int32',
  labels: true,
}).build())
  type(pack.labels)<NdArray<'int32'> | undefined>(true)
const packed = new PipelineBuilder()
  .addSource([Int32Array.of(1)])
  .aggregate(packDocuments<Int32Array>({ maxTokens: 8 }))
  .pipe(assemblePack({ maxTokens: 8 }))
type(packed)
batchByTokens<string>({ maxTokens: 3, length: (text) => text.length })

// `collate` as an op.
const records = [{ a: 1 }, { a: 2 }]
export async function collatedBatches(): Promise<void> {
  const pipeline = new PipelineBuilder().addSource(records).aggregate(2).pipe(collate).build()
  for await (const { a } of pipeline) type(a)<NdArray<'float64'>>(true)
  for await (const { a } of new DataLoader(records, { batchSize: 2, collate }))
    type(a)<NdArray<'float64'>>(true)
  for await (const { a } of new DataLoader([1], {
    preprocess: async (n) => ({ a: n * n }),
    batchSize: 2,
    collate,
  }))
    type(a)<NdArray<'float64'>>(true)
}
type(collate(records, { dtypes: { a: 'int64' } }).a)<NdArray<'int64'>>(true)
// @ts-expect-error a misspelt option
collate(records, { dtypez: { a: 'int64' } })

// A source may be made by an async function.
type(new DataLoader(async () => ['a'], { batchSize: 2 }))<DataLoader<string[]>>(true)
type(new PipelineBuilder().addSource(async () => [1]))<PipelineBuilder<number>>(true)
type(
  new PipelineBuilder().addSource(async () =>
    (async function* () {
      yield 'a'
    })(),
  ),
)<PipelineBuilder<string>>(true)
const made = workerModule<{ source(): Promise<string[]>; length(text: string): number }>(
  'file:///o.js',
)
type(new DataLoader(made.source, { preprocess: made.length, placement: 'worker' }))<
  DataLoader<number>
>(true)
