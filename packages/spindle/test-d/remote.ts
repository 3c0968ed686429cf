import {
  type ItemsOf,
  iterateInProcess,
  iterateInWorker,
  PipelineBuilder,
  type RemotePipeline,
  runPipelineInProcess,
  runPipelineInWorker,
} from 'spindle'

declare function same<A, B>(
  ...differs: (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? [] : [never]
): void

const href = import.meta.resolve('./loader.js')

// The type of the items is given ...
same<ReturnType<typeof runPipelineInWorker<number>>, RemotePipeline<number>>()
for (const item of runPipelineInWorker<string>(href)) same<typeof item, string>()
for await (const item of runPipelineInProcess<Uint8Array>(href, {
  build: { maxFailures: 3, seed: 1, threads: 2 },
}))
  same<typeof item, Uint8Array>()
for (const item of iterateInWorker<{ id: number }>(href, { export: 'rows', args: { path: 'a' } }))
  same<typeof item.id, number>()
for await (const item of iterateInProcess<string | undefined>(href, {
  bufferSize: 2,
  timeoutMs: 10,
}).iterate())
  same<typeof item, string | undefined>()

// ... or taken from the module.
const builder = new PipelineBuilder().addSource([1, 2]).pipe((n) => ({ n, name: String(n) }))
const make = async (args: { readonly size: number }) => builder.aggregate(args.size)
function* generate(from: number): Generator<Date> {
  yield new Date(from)
}
async function* generateAsync(): AsyncGenerator<bigint> {
  yield 1n
}
same<ItemsOf<typeof builder>, { n: number; name: string }>()
same<ItemsOf<typeof make>, { n: number; name: string }[]>()
same<ItemsOf<typeof generate>, Date>()
same<ItemsOf<typeof generateAsync>, bigint>()
same<ItemsOf<Promise<string>[]>, string>()
same<ItemsOf<typeof import('./remote-module.ts').pipeline>, number>()
same<ItemsOf<number>, never>()

const loader = runPipelineInWorker<ItemsOf<typeof builder>>(href)
{
  await using awaited = loader
  using disposed = loader
  void [awaited, disposed]
}
const stopped: Promise<void> = loader.stop({ mode: 'drain', timeoutMs: 100 })
void [
  stopped,
  loader.done,
  loader.start(),
  (await loader.stats()).items,
  String(await loader.report()),
]
// It can be given where a source is wanted.
new PipelineBuilder().addSource(loader).pipe(({ name }) => name.length)

// @ts-expect-error hooks cannot cross: they belong into the module
runPipelineInWorker(href, { build: { hooks: [] } })
// @ts-expect-error an iterable is not built
iterateInWorker(href, { build: {} })
// @ts-expect-error no such option
runPipelineInWorker(href, { buffersize: 3 })
// @ts-expect-error a URL, not a module
runPipelineInWorker(builder)
// @ts-expect-error nothing is known of the items unless it is said
for (const item of runPipelineInWorker(href)) item.length
