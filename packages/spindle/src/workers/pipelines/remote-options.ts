import type { ResourceLimits } from 'node:worker_threads'
import { badOption, checkDuration, checkInteger, checkOptions } from '../../check.ts'
import { checkOwn } from '../../copies.ts'
import { checkResumable } from '../../engine/progress/resumption.ts'
import type { Pipeline } from '../../engine/run/pipeline.ts'
import type { BuildOptions } from '../../engine/types.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'

/**
 * What an export gives: the items of a builder or of an iterable, or of what a function makes.
 * `runPipelineInWorker<ItemsOf<typeof import('./loader.ts').pipeline>>(import.meta.resolve('./loader.js'))`
 * takes the type from the module.
 */
export type ItemsOf<E> = E extends (...args: never) => infer Made
  ? ItemsOfMade<Awaited<Made>>
  : ItemsOfMade<E>

type ItemsOfMade<M> = M extends { build(options?: BuildOptions): Pipeline<infer T> }
  ? T
  : M extends AsyncIterable<infer T>
    ? T
    : M extends Iterable<infer T>
      ? Awaited<T>
      : never

/**
 * Options of `build()` that can cross to another thread or process. What else there is belongs into
 * the module itself.
 */
export type RemoteBuildOptions = Omit<
  BuildOptions,
  'signal' | 'hooks' | 'backgroundTasks' | 'onItemError' | 'deadLetter' | 'logger' | 'onStats'
>

/** Options of `iterateInWorker()` and `iterateInProcess()`. */
export interface RemoteOptions {
  /**
   * Name of the export. Default: `default` or, if there is none, `pipeline` for a pipeline and
   * `items` for an iterable.
   */
  readonly export?: string
  /**
   * What the export is called with if it is a function: anything that can be cloned. Default
   * `undefined`.
   */
  readonly args?: unknown
  /**
   * Items that may be ready and not taken, an integer >= 1. Default: as many as have 8 MiB
   * together, at least 3 and at most 512. The pipeline's own sink comes on top.
   */
  readonly bufferSize?: number
  /**
   * Longest wait for an item, in milliseconds, the start included: then `TimeoutError`, nothing is
   * lost, and one may go on. Default: none.
   */
  readonly timeoutMs?: number
  /**
   * Whether buffers that an item covers as a whole are moved to the consumer, without a copy.
   * Default: those that went through `move()`; all others are copied, for the module may still have
   * them. `true`: all, and they are empty over there; `false`: none. A process copies always.
   */
  readonly transfer?: boolean
  /**
   * Shared memory for the typed arrays of items, from 4 KiB each: they are copied into it, as far
   * as it has room, and arrive as views of it, which is given back by
   * `SegmentPool.leaseOf(view)?.release()` or the garbage collector. Nothing is taken from the
   * module then, and no memory is allocated for what is on its way; an op that works in the pool's
   * memory itself (a function that is exported gets `{ arena }` as its second argument) saves the
   * copy. Threads only. Default: none.
   */
  readonly arena?: SegmentPool
  /** Aborts it: iterators and `done` reject with `signal.reason`, the thread or process ends. */
  readonly signal?: AbortSignal
  /**
   * Limits of memory, as `worker_threads` has them; for a process, of the first two of
   * `maxOldGenerationSizeMb`, `maxYoungGenerationSizeMb`.
   */
  readonly resourceLimits?: ResourceLimits
}

/** Options of `runPipelineInWorker()` and `runPipelineInProcess()`. */
export interface RemotePipelineOptions extends RemoteOptions {
  /** Options of `build()`, as far as they are plain data. */
  readonly build?: RemoteBuildOptions
}

const names = [
  'export',
  'args',
  'bufferSize',
  'timeoutMs',
  'transfer',
  'arena',
  'signal',
  'resourceLimits',
] as const satisfies readonly (keyof RemoteOptions)[]

/** @throws `ERR_BAD_OPTION`. */
export function checkRemoteOptions(
  options: RemotePipelineOptions,
  kind: 'pipeline' | 'iterable',
  place: 'thread' | 'process',
): void {
  checkOptions(options, kind === 'pipeline' ? [...names, 'build'] : names)
  const {
    export: exportName,
    bufferSize,
    timeoutMs,
    transfer,
    arena,
    signal,
    resourceLimits,
    build,
  } = options
  if (exportName !== undefined && (typeof exportName !== 'string' || exportName === ''))
    badOption('export', 'the name of an export', exportName)
  if (bufferSize !== undefined) checkInteger('bufferSize', bufferSize, 1)
  if (timeoutMs !== undefined) checkDuration('timeoutMs', timeoutMs, undefined, true)
  if (transfer !== undefined && typeof transfer !== 'boolean')
    badOption('transfer', 'a boolean', transfer)
  if (arena !== undefined) {
    checkOwn('arena', arena, 'SegmentPool')
    if (place === 'process')
      badOption('arena', 'left out: shared memory does not reach other processes', arena)
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    badOption('signal', 'an AbortSignal', signal)
  if (build !== undefined && (typeof build !== 'object' || build === null))
    badOption('build', 'an object', build)
  if (build !== undefined) checkResumable(build)
  if (resourceLimits !== undefined) checkLimits(resourceLimits, place)
}

function checkLimits(limits: ResourceLimits, place: 'thread' | 'process'): void {
  const both = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb'] as const
  const known = place === 'process' ? both : ([...both, 'codeRangeSizeMb', 'stackSizeMb'] as const)
  if (typeof limits !== 'object' || limits === null)
    badOption('resourceLimits', 'an object', limits)
  checkOptions(limits, known, '`resourceLimits`')
  for (const name of known) {
    const value = limits[name]
    if (value !== undefined && !(typeof value === 'number' && value > 0))
      badOption(`resourceLimits.${name}`, 'a number of MiB > 0', value)
  }
}
