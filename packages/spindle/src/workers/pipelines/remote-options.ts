import type { ResourceLimits } from 'node:worker_threads'
import { checkOwn } from '../../copies.ts'
import { checkResumedState, resumableRule } from '../../engine/progress/resumption.ts'
import type { Pipeline } from '../../engine/run/pipeline.ts'
import type { BuildOptions } from '../../engine/types.ts'
import {
  anything,
  boolean,
  checkArgument,
  durationMs,
  integer,
  is,
  object,
  options,
  type Rule,
  type Rules,
  signal,
} from '../../options/index.ts'
import { type SegmentPool, segmentPoolRule } from '../memory/segment-pool.ts'
import { limitsRule, processLimitsRule } from '../supervise/resource-limits.ts'

/**
 * The type of an export's items: of a builder, an iterable, or the result of a function.
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
 * The options of `build()` that can be sent to another thread or process. Set all others in the
 * module itself.
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
  /** Argument of the export if it is a function: any cloneable value. Default `undefined`. */
  readonly args?: unknown
  /**
   * Maximum number of items that are ready and not taken, an integer >= 1. Default: as many as have
   * 8 MiB together, at least 3 and at most 512. The pipeline's own sink buffer is additional.
   */
  readonly bufferSize?: number
  /**
   * Longest wait for an item, including the start, in milliseconds. After it, the iterator throws
   * `TimeoutError`; nothing is lost, and iteration may continue. Default: none.
   */
  readonly timeoutMs?: number
  /**
   * Whether buffers that an item covers completely are moved to the consumer without a copy.
   * Default: only those that went through `move()`; others are copied, because the module may still
   * use them. `true`: all, and they become empty in the worker; `false`: none. A process always
   * copies.
   */
  readonly transfer?: boolean
  /**
   * Shared memory for typed arrays of 4 KiB or more in items. They are copied into it, as far as it
   * has room, and arrive as views of it. `SegmentPool.leaseOf(view)?.release()` or the garbage
   * collector gives the memory back. The module keeps its own arrays, and no memory is allocated
   * for items in transit. An op that works in the pool's memory itself saves the copy: an exported
   * function gets `{ arena }` as its second argument. Threads only. Default: none.
   */
  readonly arena?: SegmentPool
  /**
   * Aborts it: iterators and `done` reject with `signal.reason`, and the thread or process ends.
   */
  readonly signal?: AbortSignal
  /**
   * Memory limits as in `worker_threads`. A process supports only `maxOldGenerationSizeMb` and
   * `maxYoungGenerationSizeMb`, and rounds them to whole MiB.
   */
  readonly resourceLimits?: ResourceLimits
}

/** Options of `runPipelineInWorker()` and `runPipelineInProcess()`. */
export interface RemotePipelineOptions extends RemoteOptions {
  /** Options of `build()`, as plain data. */
  readonly build?: RemoteBuildOptions
}

const remoteRules = {
  export: is('the name of an export', (value) => typeof value === 'string' && value !== ''),
  args: anything(),
  bufferSize: integer({ min: 1, unit: 'items' }),
  timeoutMs: durationMs({ orInfinity: true }),
  transfer: boolean(),
  arena: segmentPoolRule,
  signal: signal(),
  resourceLimits: limitsRule,
} satisfies Rules<RemoteOptions>

const buildRule: Rule<RemoteBuildOptions, 'maybe'> = object()
const ofProcess = {
  ...remoteRules,
  arena: is('left out: shared memory does not reach other processes', () => false),
  resourceLimits: processLimitsRule,
}
const declared = {
  thread: {
    iterable: options('RemoteOptions', remoteRules),
    pipeline: options('RemotePipelineOptions', {
      ...remoteRules,
      build: buildRule,
    } satisfies Rules<RemotePipelineOptions>),
  },
  process: {
    iterable: options('RemoteOptions', ofProcess),
    pipeline: options('RemotePipelineOptions', { ...ofProcess, build: buildRule }),
  },
}

/** @throws `ERR_BAD_OPTION`. */
export function checkRemoteOptions(
  given: RemotePipelineOptions,
  kind: 'pipeline' | 'iterable',
  place: 'thread' | 'process',
): void {
  const { arena, build } = declared[place][kind].check(given) as RemotePipelineOptions
  if (arena !== undefined) checkOwn('arena', arena, 'SegmentPool')
  checkArgument('resumable', build?.resumable, resumableRule)
  if (build !== undefined) checkResumedState(build)
}
