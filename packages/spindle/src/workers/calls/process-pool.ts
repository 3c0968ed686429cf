import { badOption, checkOptions } from '../../check.ts'
import type { ProcessOptions } from '../supervise/start-process.ts'
import { checkCrossing } from './ipc-carrier.ts'
import { type PoolOptions, poolOptions, poolSettings } from './pool-options.ts'
import { ProcessLink } from './process-link.ts'
import { WorkerPool } from './worker-pool.ts'

/** Options of `ProcessPool`. */
export interface ProcessPoolOptions extends PoolOptions, ProcessOptions {}

/**
 * Worker processes that run ops by reference: as {@link ThreadPool}, for code that may crash, leak,
 * or must be killable for sure. They are five times dearer than threads. Values cross by structured
 * cloning, large buffers through files in memory that have no name and are gone with the last
 * process that has them; shared memory does not cross.
 *
 * The processes keep this one alive only while calls are waited for, and end when it does, however
 * it ends.
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
    checkOptions(options, [...poolOptions, 'execArgv', 'env'])
    const { execArgv, env } = options
    if (
      execArgv !== undefined &&
      !(Array.isArray(execArgv) && execArgv.every((one) => typeof one === 'string'))
    )
      badOption('execArgv', 'a list of texts', execArgv)
    if (env !== undefined && (typeof env !== 'object' || env === null))
      badOption('env', 'an object', env)
    const settings = poolSettings('process', options)
    checkCrossing(settings.initArgs, 'initArgs')
    super(
      settings,
      'process',
      (listener, stock) => new ProcessLink(listener, options, settings, stock),
    )
  }

  /** Processes there are now, those included that are starting or ending. */
  get processCount(): number {
    return this.workerCount
  }
}
