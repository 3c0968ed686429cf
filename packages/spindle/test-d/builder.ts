// Compiled, never run: the types that a chain of stages must infer, and the chains that must not
// compile.
import { Readable } from 'node:stream'
import {
  type Aggregator,
  MAIN,
  merge,
  type Pipeline,
  PipelineBuilder,
  type PipelineConfig,
  type PipelineFailure,
  type Placement,
  ProcessPool,
  type Rng,
  type StageContext,
  type StageFailure,
  ThreadPool,
  type WorkerOp,
  workerModule,
  workers,
} from 'spindle'

type Equal<A, B> =
  (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
/** Compiles only when `builder` gives exactly `Expected`. */
declare function gives<Expected>(): <Actual>(
  builder: PipelineBuilder<Actual>,
  ...wrong: Equal<Actual, Expected> extends true ? [] : [expected: Expected, actual: Actual]
) => void
declare function same<A, B>(...wrong: Equal<A, B> extends true ? [] : [A, B]): void

const numbers = new PipelineBuilder().addSource([1, 2, 3])
const strings = new PipelineBuilder().addSource(new Set(['a']))

// Sources
gives<number>()(numbers)
gives<string>()(strings)
gives<number>()(
  new PipelineBuilder().addSource(function* () {
    yield 1
  }),
)
gives<string>()(
  new PipelineBuilder().addSource(async function* () {
    yield 'a'
  }),
)
gives<number | string>()(new PipelineBuilder().addSource(() => [1, 'a']))
gives<number>()(new PipelineBuilder().addSource(() => [1], { continuous: true }))
gives<number>()(new PipelineBuilder().addSource(new ReadableStream<number>()))
gives<Buffer>()(new PipelineBuilder().addSource<Buffer>(Readable.from([])))
gives<number>()(new PipelineBuilder().addSource(new Uint8Array(2)))
gives<readonly [string, number]>()(
  new PipelineBuilder().addSource([['a', 1]] as (readonly [string, number])[]),
)

// Ops: awaited, generators unrolled, undefined removed, null kept
gives<string>()(numbers.pipe((value) => value.toFixed()))
gives<string>()(numbers.pipe(async (value) => value.toFixed()))
gives<string>()(numbers.pipe((value): PromiseLike<string> => Promise.resolve(String(value))))
gives<number>()(numbers.pipe((value) => (value > 1 ? value : undefined)))
gives<number>()(numbers.pipe(async (value) => (value > 1 ? value : undefined)))
gives<number | null>()(numbers.pipe((value) => (value > 1 ? value : null)))
gives<number | string>()(numbers.pipe((value) => (value > 1 ? value : Promise.resolve('a'))))
gives<string>()(
  numbers.pipe(function* (value) {
    yield String(value)
  }),
)
gives<string | null>()(
  numbers.pipe(async function* (value) {
    yield String(value)
    yield undefined
    yield null
  }),
)
function* letters(word: string): Generator<string, number, unknown> {
  yield* word
  return word.length
}
gives<string>()(strings.pipe(letters))
gives<string>()(strings.pipe((word) => letters(word)))
gives<string>()(strings.pipe(async (word) => letters(word)))
gives<number[]>()(numbers.pipe((value) => [value]))
gives<Set<number>>()(numbers.pipe((value) => new Set([value])))
gives<string>()(numbers.pipe(['a', 'b']))
gives<'a' | 'b'>()(numbers.pipe(['a', 'b'] as const))
gives<boolean>()(strings.pipe(new Map([['a', true]])))

// The context
numbers.pipe((value, context) => {
  same<typeof context, StageContext>()
  same<typeof context.signal, AbortSignal>()
  same<typeof context.rng, Rng>()
  same<typeof context.attempt, number>()
  same<typeof context.index, number>()
  same<typeof context.stage.name, string>()
  return value
})

// Batches
gives<number[]>()(numbers.aggregate(3))
gives<number[][]>()(numbers.aggregate(3, { dropLast: true }).aggregate(2))
class Joiner implements Aggregator<string, Uint8Array> {
  accumulate(_item: string): Uint8Array | undefined {
    return undefined
  }
  flush(): Uint8Array | undefined {
    return undefined
  }
}
gives<Uint8Array>()(strings.aggregate(() => new Joiner()))
gives<{ readonly total: number }>()(
  numbers.aggregate(
    (): Aggregator<number, { readonly total: number }> => ({
      accumulate: (item) => ({ total: item }),
      flush: () => undefined,
    }),
  ),
)
gives<number>()(numbers.aggregate(3).disaggregate())
gives<string>()(numbers.pipe(() => new Set(['a'])).disaggregate())
gives<number>()(numbers.pipe(() => new Float32Array(3)).disaggregate())
gives<number>()(numbers.pipe(() => [1, undefined]).disaggregate())

// Variants and merges: unions
gives<string | boolean>()(
  numbers.pathVariants(
    (value) => value % 2,
    [(path) => path.pipe(String), (path) => path.pipe((value) => value > 1)],
  ),
)
gives<number | number[]>()(
  numbers.pathVariants(async () => 0, [(path) => path, (path) => path.aggregate(2)]),
)
gives<string[]>()(
  numbers
    .aggregate(4)
    .pathVariants(
      (batch) => batch.map(() => 0),
      [(path) => path.pipe((part) => part.map(String))],
      {
        batched: true,
      },
    ),
)
gives<number>()(merge(numbers, numbers))
gives<number | string>()(merge(numbers, strings))
gives<{ readonly input: number; readonly item: number | string }>()(
  merge(numbers, strings, {
    async *op(inputs) {
      for (const [input, items] of inputs.entries()) {
        for await (const item of items) yield { input, item } as const
      }
    },
  }),
)

// A long chain, to the pipeline
const pipeline = new PipelineBuilder()
  .addSource(['a.jpg', 'b.jpg'])
  .pipe(async (path) => ({ path, bytes: new Uint8Array(3) }), { concurrency: 8, name: 'read' })
  .pipe(function* ({ path, bytes }) {
    for (const byte of bytes) yield { path, byte }
  })
  .pipe((pixel) => (pixel.byte > 0 ? pixel : undefined), { maxFailures: { rate: 0.01 } })
  .aggregate(32, { dropLast: true })
  .pipe(async (pixels) => Float32Array.from(pixels, (pixel) => pixel.byte), {
    retry: { retries: 2, shouldRetry: (error) => error instanceof Error },
    timeoutMs: 100,
    outputOrder: 'input',
    buffer: 4,
    maxBytes: 1e6,
  })
  .addSink(8)
  .build({
    maxFailures: 3,
    seed: 7,
    onItemError: ({ stage, index, error, item }) => console.log(stage, index, error, item),
  })
same<typeof pipeline, Pipeline<Float32Array<ArrayBuffer>>>()
const config: PipelineConfig<number> = numbers.getConfig()
void config

export async function consume(): Promise<void> {
  for await (const item of numbers.build()) same<typeof item, number>()
  for await (const chunk of numbers.build().chunks(3)) same<typeof chunk, number[]>()
  await numbers.build().forEach((item) => same<typeof item, number>())
  const result = await numbers.build().getItem({ timeoutMs: 5 })
  if (!result.done) same<typeof result.value, number>()
  await using held = numbers.build()
  same<typeof held.done, Promise<void>>()
  await held.stop({ mode: 'drain', timeoutMs: 5 })
}

export function inspect(failure: PipelineFailure): void {
  same<typeof failure.errors, StageFailure[]>()
  for (const stage of failure.errors) same<typeof stage.cause, unknown>()
}

// What must not compile
// @ts-expect-error the op takes strings, the chain has numbers
numbers.pipe((word: string) => word.length)
const words = numbers.pipe(String).aggregate(2)
// @ts-expect-error the same, further down a chain
words.pipe((batch: number[]) => batch.length)
// @ts-expect-error an op is a function or a table
numbers.pipe(42)
// @ts-expect-error strings are no positions in an array
strings.pipe(['a', 'b'])
// @ts-expect-error numbers are no keys of this map
numbers.pipe(new Map([['a', 1]]))
// @ts-expect-error a size is a number
numbers.aggregate('3')
// @ts-expect-error an aggregator is made by a function
strings.aggregate(new Joiner())
// @ts-expect-error this aggregator takes strings
numbers.aggregate(() => new Joiner())
// @ts-expect-error numbers have no elements
numbers.disaggregate().pipe((value: number) => value)
// @ts-expect-error concurrency is a number
numbers.pipe(String, { concurrency: '4' })
// @ts-expect-error there are two orders
numbers.pipe(String, { outputOrder: 'random' })
// @ts-expect-error no such option
numbers.pipe(String, { concurency: 4 })
// @ts-expect-error a router gives a number
numbers.pathVariants(() => 'left', [(path) => path])
// @ts-expect-error a path is a function
numbers.pathVariants(() => 0, [numbers])
// @ts-expect-error over batches the router gives one index an element
numbers.aggregate(2).pathVariants(() => 0, [(path) => path], { batched: true })
// @ts-expect-error the items of a pipeline of numbers are no strings
const wrong: Pipeline<string> = numbers.build()
void wrong
// @ts-expect-error a number is no source
new PipelineBuilder().addSource(42)
// @ts-expect-error there are three modes
void numbers.build().stop({ mode: 'gently' })
// @ts-expect-error results are data, and read-only in the configuration
numbers.getConfig().stages = []

// Ops by reference
interface WorkerOps {
  length(text: string): number
  later(text: string, context: StageContext): Promise<number>
  odd(value: number): number | undefined
  readonly version: string
}
const ops = workerModule<WorkerOps>('file:///ops.js')
same<typeof ops.length, WorkerOp<string, number>>()
same<keyof typeof ops, 'length' | 'later' | 'odd'>()
gives<number>()(strings.pipe(ops.length))
gives<number>()(strings.pipe(ops.later, { concurrency: 2, executor: new ThreadPool({ size: 2 }) }))
gives<number>()(numbers.pipe(ops.odd))
gives<number>()(strings.pipe(ops.length).pipe(ops.odd))
// Piscina's `run`, as its own types have it.
declare const piscina: {
  run(
    task: any,
    options?: {
      filename?: string | null
      name?: string | null
      signal?: AbortSignal | null
      transferList?: readonly ArrayBuffer[]
    },
  ): Promise<any>
}
gives<number>()(strings.pipe(ops.length, { executor: piscina }))
gives<number>()(strings.pipe(ops.length, { executor: new ProcessPool({ size: 1 }).priority(3) }))
// @ts-expect-error the items are numbers
numbers.pipe(ops.length)
// @ts-expect-error an op by reference is no function
ops.length('a')
// @ts-expect-error there is no such export
ops.lenght
// @ts-expect-error no function
strings.pipe(ops.version)
// @ts-expect-error a function is no executor
strings.pipe(ops.length, { executor: (text: string) => text })

// Regions: types flow through, and what is given by reference is checked as functions are
interface RegionOps {
  parse(text: string): number
  spread(value: number): Generator<number>
  keep(value: number): Promise<number | undefined>
  route(value: number): 0 | 1
  routeAll(values: readonly number[]): number[]
  sums(): Aggregator<number, { readonly sum: number }>
  setUp(): Promise<void>
}
const regionOps = workerModule<RegionOps>('file:///ops.js')
const placement: Placement = workers({
  count: 2,
  kind: 'process',
  outputOrder: 'input',
  init: regionOps.setUp,
})
const inRegion = strings.to(placement).pipe(regionOps.parse)
gives<number>()(inRegion)
gives<number>()(inRegion.pipe(regionOps.spread).pipe(regionOps.keep).to(MAIN))
gives<string>()(inRegion.pipe(['a', 'b']).to(MAIN))
gives<number[]>()(inRegion.aggregate(3).to(MAIN))
gives<{ readonly sum: number }>()(inRegion.aggregate(regionOps.sums).to(MAIN))
gives<number>()(inRegion.aggregate(3).disaggregate().to(MAIN))
gives<number>()(
  inRegion.pathVariants(regionOps.route, [
    (path) => path.pipe(regionOps.spread),
    (path) => path.pipe(regionOps.keep),
  ]),
)
gives<number[]>()(
  inRegion.aggregate(2).pathVariants(regionOps.routeAll, [(path) => path], { batched: true }),
)
// @ts-expect-error a string is no input of spread
strings.to(placement).pipe(regionOps.spread)
// @ts-expect-error an aggregator of numbers is none of strings
strings.to(placement).aggregate(regionOps.sums)
// @ts-expect-error a router of numbers is none of strings
strings.to(placement).pathVariants(regionOps.route, [(path) => path])
// @ts-expect-error a placement is what workers() returns, or MAIN
strings.to({ count: 2 })
// @ts-expect-error count is not to be left out
workers({ kind: 'thread' })
