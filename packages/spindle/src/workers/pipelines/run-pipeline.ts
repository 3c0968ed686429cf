import { checkHref } from '../supervise/module-href.ts'
import { checkNesting, startsWorkers } from '../supervise/nesting.ts'
import type { PipelineChannel, PipelineChannelOwner } from './pipeline-channel.ts'
import type { StartMessage } from './pipeline-protocol.ts'
import {
  checkRemoteOptions,
  type RemoteOptions,
  type RemotePipelineOptions,
} from './remote-options.ts'
import { RemoteHandle, type RemotePipeline } from './remote-pipeline.ts'
import { RemoteStream } from './remote-stream.ts'
import { startInProcess, startInThread } from './start-channel.ts'

startsWorkers()

/**
 * Runs the pipeline that a module exports in a worker thread. The export is a `PipelineBuilder`, or
 * a sync or async function of `args` that makes one. The pipeline keeps running while this thread
 * computes, and a plain `for` takes its items as well as `for await` does.
 *
 * The thread starts at once and loads the module; the pipeline begins with the first iteration.
 * Each iteration is an epoch. A continuous source prepares the next epoch meanwhile; any other
 * pipeline is built anew. Buffers that items cover completely arrive without a copy.
 *
 * @throws `ERR_BAD_OPTION`; `ERR_NOT_TRANSFERABLE` if `args` or `build` cannot be sent. Iterating
 *   throws `ERR_WORKER_MODULE`, `ERR_WORKER_START` or `ERR_NOT_A_PIPELINE` if there is no such
 *   pipeline, `PipelineFailure` if it fails, `ERR_WORKER_DIED` if the thread dies.
 *
 * @example
 * ```ts
 * await using loader = runPipelineInWorker<Batch>(import.meta.resolve('./loader.js'), { args: { batchSize: 32 } })
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   for (const batch of loader) train(batch)
 * }
 * ```
 */
export function runPipelineInWorker<T>(
  href: string | URL,
  options: RemotePipelineOptions = {},
): RemotePipeline<T> {
  return runElsewhere('pipeline', 'thread', href, [], options)
}

/**
 * Like {@link runPipelineInWorker}, in a process of its own. Use it for code that may crash, that
 * needs a strict memory limit, or that is not made for threads. Items are copied; large buffers go
 * through shared memory. The process ends with this one, for whatever reason.
 *
 * @throws as {@link runPipelineInWorker} does.
 */
export function runPipelineInProcess<T>(
  href: string | URL,
  options: RemotePipelineOptions = {},
): RemotePipeline<T> {
  return runElsewhere('pipeline', 'process', href, [], options)
}

/**
 * Iterates in a worker thread what a module exports: any iterable, or a function of `args` that
 * makes one. Each iteration here is one iteration there. The function is called again only if its
 * result can be iterated once, as generators can.
 *
 * @throws as {@link runPipelineInWorker} does, with `ERR_NOT_ITERABLE`; errors of the iterable
 *   itself arrive unchanged.
 *
 * @example
 * ```ts
 * await using rows = iterateInWorker<Row>(import.meta.resolve('./rows.js'), { export: 'rows', args: { path } })
 * for await (const row of rows) insert(row)
 * ```
 */
export function iterateInWorker<T>(
  href: string | URL,
  options: RemoteOptions = {},
): RemotePipeline<T> {
  return runElsewhere('iterable', 'thread', href, [], options)
}

/**
 * Like {@link iterateInWorker}, in a process of its own; see {@link runPipelineInProcess}.
 *
 * @throws as {@link iterateInWorker} does.
 */
export function iterateInProcess<T>(
  href: string | URL,
  options: RemoteOptions = {},
): RemotePipeline<T> {
  return runElsewhere('iterable', 'process', href, [], options)
}

/** `modules`: further modules that will be loaded there. */
export function runElsewhere<T>(
  kind: 'pipeline' | 'iterable',
  place: 'thread' | 'process',
  module: string | URL,
  modules: readonly string[],
  options: RemotePipelineOptions,
): RemotePipeline<T> {
  const href = checkHref(module, './loader.js')
  checkRemoteOptions(options, kind, place)
  checkNesting([href, ...modules])
  const { export: exportName, args, bufferSize, timeoutMs, transfer, arena, build = {} } = options
  // A process copies anyway, so the module keeps its buffers; buffers that would be transferred
  // take the short path.
  const moves =
    place === 'process' || transfer === true ? 'all' : transfer === false ? 'none' : 'marked'
  const startMessage: StartMessage = {
    kind,
    href,
    exportName,
    args,
    bufferSize,
    moves: arena === undefined ? moves : 'none',
    arena: arena?.handle,
    build,
  }
  const start = place === 'thread' ? startInThread : startInProcess
  const open = (owner: PipelineChannelOwner): PipelineChannel =>
    start(owner, startMessage, options.resourceLimits)
  const what = `the ${place === 'thread' ? 'worker thread' : 'process'} that runs ${exportName ?? 'the default export'} of ${href}`
  return new RemoteHandle<T>(
    new RemoteStream(open, what, options),
    timeoutMs ?? Number.POSITIVE_INFINITY,
  )
}
