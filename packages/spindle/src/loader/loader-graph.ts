import { PipelineBuilder } from '../builder/builder.ts'
import type { OpFunction, PipeOptions } from '../builder/builder-types.ts'
import { nameOfOp } from '../builder/stage-options.ts'
import type { Executor } from '../engine/executor.ts'
import { isOneShot, openSource, type Steps } from '../engine/flow/open-source.ts'
import { isSeekable, type SeekableSource } from '../engine/seekable.ts'
import type {
  Aggregator,
  Source,
  SourceContext,
  SourceItems,
  StageContext,
} from '../engine/types.ts'
import { isWorkerOp, type WorkerOp } from '../engine/worker-op.ts'
import { isPromise } from '../user-code.ts'
import { loadOp, type Op } from '../workers/supervise/worker-modules.ts'
import type { LoaderOp, LoaderOptions } from './loader-options.ts'

const CONCURRENCY = 8

/** A method that a source may have to get another order in each epoch. */
interface SetsEpoch {
  setEpoch(epoch: number): void
}

/** Where functions by reference run. */
export interface LoaderExecutors {
  readonly preprocess: Executor
  readonly collate: Executor
  readonly transfer: Executor
  /** Makes the batches, if it is not a number of samples that does. */
  readonly aggregate?: (() => Aggregator<unknown, unknown>) | undefined
}

/**
 * The stages of a loader's epoch: source, preprocess, batches, collate, transfer, sink.
 *
 * @param executors where functions by reference run; `undefined` for this loop
 */
export function loaderGraph(
  source: unknown,
  options: LoaderOptions,
  epoch: number,
  executors: LoaderExecutors | undefined,
): PipelineBuilder<unknown> {
  const {
    preprocess,
    batchSize,
    aggregate,
    dropLast = false,
    collate,
    transfer,
    bufferSize,
  } = options
  const { concurrency = CONCURRENCY, outputOrder = 'completion' } = options
  const parallel = { concurrency, outputOrder }
  let builder: PipelineBuilder<unknown> = new PipelineBuilder().addSource(
    sourceOf(source, epoch),
    options.sourceOptions,
  )
  const add = (
    role: 'preprocess' | 'collate' | 'transfer',
    op: LoaderOp<never, unknown> | undefined,
    more: PipeOptions,
  ): void => {
    if (op !== undefined) builder = addStage(builder, role, op, more, executors?.[role])
  }
  add('preprocess', preprocess, { ...parallel, ...options.preprocessOptions })
  if (batchSize !== undefined)
    builder =
      executors?.aggregate === undefined
        ? builder.aggregate(batchSize, { dropLast })
        : builder.aggregate(executors.aggregate, { dropLast })
  if (aggregate !== undefined)
    builder = builder.aggregate(aggregate as () => Aggregator<unknown, unknown>, { dropLast })
  add('collate', collate, { ...parallel, ...options.collateOptions })
  add('transfer', transfer, { outputOrder, ...options.transferOptions })
  return builder.addSink(bufferSize)
}

function addStage(
  builder: PipelineBuilder<unknown>,
  role: string,
  op: LoaderOp<never, unknown>,
  options: PipeOptions,
  executor: Executor | undefined,
): PipelineBuilder<unknown> {
  const named = nameOfOp(op)
  const name = named === 'anonymous' || named === role ? role : `${role}(${named})`
  if (!isWorkerOp(op)) return builder.pipe(op as OpFunction<unknown, unknown>, { name, ...options })
  if (executor === undefined) return builder.pipe(onThisLoop(op), { name, ...options })
  return builder.pipe(op as WorkerOp<unknown, unknown>, { name, executor, ...options })
}

/** An op by reference as a function. The first call loads its module. */
function onThisLoop(reference: WorkerOp<never, unknown>): OpFunction<unknown, unknown> {
  let loaded: Op | undefined
  return (item: unknown, context: StageContext) =>
    loaded === undefined
      ? loadOp(reference).then((op) => {
          loaded = op
          return op(item, context)
        })
      : loaded(item, context)
}

/** What one epoch iterates. */
function sourceOf(source: unknown, epoch: number): Source<unknown> {
  if (isWorkerOp(source)) return itemsByReference(source, epoch)
  if (isSeekable(source)) return inEpoch(source, epoch)
  // The engine can start these at any position itself.
  if (isOneShot(source) || Array.isArray(source) || ArrayBuffer.isView(source))
    return source as Source<unknown>
  return ({ signal, position }) => {
    sendEpoch(source, epoch)
    return itemsOf(source as Source<unknown>, { signal, epoch, position })
  }
}

/**
 * Makes a source of several epochs a source of one, so that a resume state refers to that epoch.
 */
function inEpoch(source: SeekableSource<unknown>, epoch: number): SeekableSource<unknown> {
  return {
    size: source.size,
    description: { ...source.description, epoch },
    shard: source.shard,
    iterateFrom: (position) => source.iterateFrom(position, epoch),
  }
}

/** Calls `setEpoch()` of samplers that have it, as PyTorch's do. */
function sendEpoch(source: unknown, epoch: number): void {
  const { setEpoch } = source as Partial<SetsEpoch>
  if (typeof setEpoch === 'function') setEpoch.call(source, epoch)
}

function itemsOf(
  source: Source<unknown>,
  { signal, position, epoch }: SourceContext,
): SourceItems<unknown> | Promise<SourceItems<unknown>> {
  const items = (made: unknown): SourceItems<unknown> =>
    (isSeekable(made) ? made.iterateFrom(position, epoch) : made) as SourceItems<unknown>
  const made: unknown = typeof source === 'function' ? source({ signal, position, epoch }) : source
  return isPromise(made) ? made.then(items) : items(made)
}

function itemsByReference(reference: WorkerOp<never, unknown>, epoch: number): Source<unknown> {
  return async function* items({ signal, position }) {
    const make = (await loadOp(reference)) as (context: SourceContext) => SourceItems<unknown>
    const context = { signal, epoch, position }
    const steps: Steps = openSource(() => itemsOf(make, context), context)
    yield* { [Symbol.asyncIterator]: () => toAsync(steps) }
  }
}

function toAsync(steps: Steps): AsyncIterator<unknown> {
  return {
    next: async () => steps.next(),
    return: async () => {
      await steps.return?.()
      return { done: true, value: undefined }
    },
  }
}
