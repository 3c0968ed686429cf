import { list, object, options, type Rules } from '../../options/index.ts'
import type { ProcessOptions } from '../supervise/start-process.ts'
import { type PoolOptions, poolRules, poolSettings } from './pool-options.ts'
import { ProcessChannel } from './process-channel.ts'
import { checkCrossing } from './process-transport.ts'
import { WorkerPool } from './worker-pool.ts'

/** Options of `ProcessPool`. */
export interface ProcessPoolOptions extends PoolOptions, ProcessOptions {}

const processPoolOptions = options('ProcessPoolOptions', {
  ...poolRules,
  execArgv: list('texts', (value) => typeof value === 'string'),
  env: object(),
} satisfies Rules<ProcessPoolOptions>)

/**
 * Worker processes that run ops by reference. The API is that of {@link ThreadPool}. Use processes
 * for code that may crash, leak memory, or must be killable reliably. A process costs five times as
 * much as a thread. Values are sent by structured cloning. Large buffers go through files in memory
 * without a name, which disappear with the last process that has them open. Shared memory cannot be
 * sent.
 *
 * The processes keep this one alive only while calls are pending, and they end when it ends, for
 * whatever reason.
 *
 * @example
 * ```ts
 * await using pool = new ProcessPool({ size: 2, execArgv: ['--max-old-space-size=512'] })
 * const pipeline = new PipelineBuilder().addSource(paths).pipe(ops.decode, { executor: pool, concurrency: 4 }).build()
 * ```
 */
export class ProcessPool extends WorkerPool {
  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(options: ProcessPoolOptions = {}) {
    const checked = processPoolOptions.check(options)
    const settings = poolSettings('process', checked)
    checkCrossing(settings.initArgs, 'initArgs')
    super(
      settings,
      'process',
      (listener, bufferPool) => new ProcessChannel(listener, options, settings, bufferPool),
    )
  }

  /** Current number of processes, including those that are starting or ending. */
  get processCount(): number {
    return this.workerCount
  }
}
