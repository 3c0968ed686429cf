// Random graphs of any shape: merges, chains and variants within one another, and what they must
// give.
import fc from 'fast-check'
import {
  type BuildOptions,
  merge,
  type Pipeline,
  PipelineBuilder,
  type SourceContext,
  type StageContext,
} from 'spindle'
import { fateOf, names, type StageSpec, stageSpec } from './graph.ts'
import { Scheduler } from './scheduler.ts'

export type Segment =
  | { readonly type: 'stage'; readonly stage: StageSpec }
  | { readonly type: 'variants'; readonly paths: readonly (readonly Segment[])[] }

export type Start =
  | { readonly type: 'source'; readonly items: number }
  | { readonly type: 'merge'; readonly hasOp: boolean; readonly inputs: readonly Tree[] }

export interface Tree {
  readonly start: Start
  readonly segments: readonly Segment[]
}

export interface TreeSpec {
  readonly tree: Tree
  readonly sink: number
  readonly seed: number
  readonly hooks: 'none' | 'sync' | 'async'
}

const { tree } = fc.letrec<{ tree: Tree; segment: Segment; start: Start }>((tie) => ({
  segment: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    stageSpec.map((stage) => ({ type: 'stage' as const, stage })),
    fc.record({
      type: fc.constant('variants' as const),
      paths: fc.array(fc.array(tie('segment'), { minLength: 1, maxLength: 2 }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  ),
  start: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ type: fc.constant('source' as const), items: fc.integer({ min: 0, max: 12 }) }),
    fc.record({
      type: fc.constant('merge' as const),
      hasOp: fc.boolean(),
      inputs: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    }),
  ),
  tree: fc.record({ start: tie('start'), segments: fc.array(tie('segment'), { maxLength: 3 }) }),
}))

export const treeSpec: fc.Arbitrary<TreeSpec> = fc.record({
  tree,
  sink: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer(),
  hooks: fc.constantFrom('none', 'none', 'sync', 'async'),
})

/** The items that a graph must give, in no particular order. `prefix` tells epochs apart. */
export function expectTree(tree: Tree, prefix = '', path = '0'): string[] {
  const { start } = tree
  const items =
    start.type === 'source'
      ? names(start.items, `${prefix}${path}:`)
      : start.inputs.flatMap((input, position) => expectTree(input, prefix, `${path}-${position}`))
  return flow(items, tree.segments)
}

function flow(items: readonly string[], segments: readonly Segment[]): string[] {
  return segments.reduce<string[]>(
    (passing, segment, position) =>
      segment.type === 'stage'
        ? passing.flatMap((item) => [...fateOf(item, segment.stage, position).outputs])
        : segment.paths.flatMap((path, index) =>
            flow(
              passing.filter((item) => routeOf(item, segment.paths.length) === index),
              path,
            ),
          ),
    [...items],
  )
}

function routeOf(item: string, paths: number): number {
  return (item.length * 7 + (item.codePointAt(item.length - 1) ?? 0)) % paths
}

/** A graph, run under a scheduler. */
export class TreeRun {
  readonly scheduler: Scheduler
  readonly pipeline: Pipeline<string>
  opens = 0
  closes = 0

  constructor(spec: TreeSpec, options: BuildOptions = {}, continuous = false) {
    this.scheduler = new Scheduler(spec.seed)
    const pass = spec.hooks === 'sync' ? () => {} : () => this.scheduler.wait()
    const hook = { onStageStart: pass, onTaskStart: pass, onTaskEnd: pass, onStageEnd: pass }
    this.pipeline = this.#grow(spec.tree, '0', continuous)
      .addSink(spec.sink)
      .build({
        maxFailures: Number.POSITIVE_INFINITY,
        ...(spec.hooks === 'none' ? {} : { hooks: [hook] }),
        ...options,
      })
  }

  #grow({ start, segments }: Tree, path: string, continuous: boolean): PipelineBuilder<string> {
    if (start.type === 'source') {
      const source = this.#source(start.items, path, continuous)
      // In both of the ways in which a function can be resumed.
      const resume = start.items % 2 === 0 ? 'skip' : 'seek'
      return this.#extend(new PipelineBuilder().addSource(source, { continuous, resume }), segments)
    }
    const inputs = start.inputs.map((input, position) =>
      this.#grow(input, `${path}-${position}`, continuous),
    )
    const joined = start.hasOp ? merge(...inputs, { op: inTurn }) : merge(...inputs)
    return this.#extend(joined, segments)
  }

  #extend(builder: PipelineBuilder<string>, segments: readonly Segment[]): PipelineBuilder<string> {
    return segments.reduce((grown, segment, position) => {
      if (segment.type === 'variants') {
        const router = async (item: string) => {
          await this.scheduler.wait()
          return routeOf(item, segment.paths.length)
        }
        return grown.pathVariants(
          router,
          segment.paths.map(
            (path) => (begun: PipelineBuilder<string>) => this.#extend(begun, path),
          ),
        )
      }
      const { concurrency, buffer, outputOrder, batchesOf, maxBytes, hasTimeout, flakyOneOf } =
        segment.stage
      const batched = batchesOf > 0 ? grown.aggregate(batchesOf).disaggregate() : grown
      return batched.pipe(this.#op(segment.stage, position) as (item: string) => string, {
        concurrency,
        buffer,
        outputOrder,
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(hasTimeout ? { timeoutMs: 60_000 } : {}),
        ...(flakyOneOf > 0 ? { retry: { retries: 1, minDelayMs: 1, jitter: false } } : {}),
      })
    }, builder)
  }

  #source(
    items: number,
    path: string,
    continuous: boolean,
  ): (context: SourceContext) => Iterable<string> {
    const run = this
    return function* ({ epoch, position }) {
      run.opens++
      try {
        yield* names(items, `${continuous ? `e${epoch}-` : ''}${path}:`).slice(position)
      } finally {
        run.closes++
      }
    }
  }

  #op(stage: StageSpec, position: number): (item: string, context: StageContext) => unknown {
    const { scheduler } = this
    const finish = (item: string) => {
      const fate = fateOf(item, stage, position)
      if (fate.isFailing) throw new Error(`fails ${item}`)
      return fate.outputs[0]
    }
    const expandNow = function* (item: string, attempt: number) {
      const fate = fateOf(item, stage, position)
      if (fate.isFlaky && attempt === 1) throw new Error(`flaky ${item}`)
      yield* fate.outputs
      if (fate.isFailing) throw new Error(`fails ${item}`)
    }
    const expandSlowly = async function* (item: string, attempt: number) {
      for (const output of expandNow(item, attempt)) {
        await scheduler.wait()
        yield output
      }
    }
    return (item, { attempt }) => {
      if (stage.kind === 'generator') return expandNow(item, attempt)
      if (stage.kind === 'asyncGenerator') return expandSlowly(item, attempt)
      if (stage.kind === 'lateGenerator') {
        return Promise.resolve(scheduler.wait()).then(() => expandSlowly(item, attempt))
      }
      if (fateOf(item, stage, position).isFlaky && attempt === 1) throw new Error(`flaky ${item}`)
      if (stage.kind === 'sync') return finish(item)
      const waiting = scheduler.wait()
      if (stage.kind === 'mixed' && waiting === undefined) return finish(item)
      return Promise.resolve(waiting).then(() => finish(item))
    }
  }
}

/** A merge op: one item of each input in turn, until all have ended. */
async function* inTurn(inputs: readonly AsyncIterator<string>[]): AsyncGenerator<string> {
  let open = [...inputs]
  while (open.length > 0) {
    const ended = new Set<AsyncIterator<string>>()
    for (const input of open) {
      const result = await input.next()
      if (result.done) ended.add(input)
      else yield result.value
    }
    open = open.filter((input) => !ended.has(input))
  }
}
