// Values bound to ops by reference: what compiles, and what must not.
import {
  type Aggregator,
  iterateInWorker,
  MAIN,
  PipelineBuilder,
  ProcessPool,
  runPipelineInProcess,
  runPipelineInWorker,
  type StageContext,
  ThreadPool,
  type WorkerOp,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'

type Equal<A, B> =
  (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function same<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

interface Size {
  readonly width: number
}
interface Ops {
  plain(text: string): number
  withContext(text: string, context: StageContext): number
  withSignal(text: string, context: { readonly signal: AbortSignal }): number
  resize(text: string, size: Size): number
  both(text: string, size: Size, quality: number, context: StageContext): Promise<number>
  optional(text: string, size?: Size): number
  optionalContext(text: string, size: Size, context?: StageContext): number
  many(text: string, ...parts: readonly string[]): number
  anything(text: string, value: any): number
  route(text: string, count: number): number
  sums(nothing: undefined, size: number): Aggregator<string, number>
  setUp(options: { readonly model: string }): Promise<void>
  readonly version: string
}
const ops = workerModule<Ops>(new URL('file:///ops.js'), {
  init: 'setUp',
  initArgs: { model: 'm' },
})
const strings = new PipelineBuilder().addSource(['a'])

same<typeof ops.plain, WorkerOp<string, number>>()
same<typeof ops.withContext, WorkerOp<string, number>>()
same<typeof ops.resize, WorkerOp<string, number, [size: Size]>>()
const resize: WorkerOp<string, number> = ops.resize.with({ width: 1 })
const numbers: PipelineBuilder<number> = strings
  .pipe(resize)
  .pipe((n) => `${n}`)
  .pipe(ops.both.with({ width: 1 }, 2))
void numbers
strings.pipe(ops.plain)
strings.pipe(ops.withSignal)
strings.pipe(ops.optional)
strings.pipe(ops.optional.with({ width: 1 }))
strings.pipe(ops.optionalContext.with({ width: 1 }))
strings.pipe(ops.many.with('a', 'b'))
strings.pipe(ops.anything)
strings.pipe(ops.anything.with(3))
strings.pipe(ops.resize.with({ width: 1 }), { executor: new ThreadPool({ initConcurrency: 2 }) })
strings
  .to(workers({ count: 1, init: ops.setUp, initArgs: { model: 'm' }, initConcurrency: 1 }))
  .pathVariants(ops.route.with(2), [(path) => path.pipe(resize), (path) => path.pipe(ops.plain)])
  .to(MAIN)
strings.to(workers({ count: 1 })).aggregate(ops.sums.with(2))
new DataLoader(['a'], { preprocess: ops.resize.with({ width: 1 }) })
new ProcessPool({ init: ops.setUp, initArgs: { model: 'm' } })
runPipelineInWorker<number>(new URL('file:///loader.js'))
runPipelineInProcess<number>(new URL('file:///loader.js'))
iterateInWorker<number>(new URL('file:///rows.js'))

// @ts-expect-error a value of another type
ops.resize.with({ width: '1' })
// @ts-expect-error a value is missing
ops.both.with({ width: 1 })
// @ts-expect-error one too many: the context is not bound
ops.resize.with({ width: 1 }, 2)
// @ts-expect-error the function takes nothing besides the item
ops.plain.with(1)
// @ts-expect-error the context is not bound
ops.withContext.with({} as StageContext)
// @ts-expect-error the op needs its value
strings.pipe(ops.resize)
// @ts-expect-error the same in a loader
new DataLoader(['a'], { preprocess: ops.resize })
// @ts-expect-error the same for a router
strings.to(workers({ count: 1 })).pathVariants(ops.route, [(path) => path])
// @ts-expect-error the items are strings still
strings.pipe((text) => text.length).pipe(ops.resize.with({ width: 1 }))
// @ts-expect-error not a number
new ThreadPool({ initConcurrency: '2' })
// @ts-expect-error a number names no module
workerModule<Ops>(7)
