import {
  anything,
  exactInteger,
  func,
  integer,
  is,
  object,
  options,
  type Rules,
  text,
} from 'spindle/options'
import { ClusterError } from '../errors.ts'
import type { FunctionJob, Job, JobSettings, PipelineJob } from './job.ts'

const shardsRule = is(
  'a list of shards, or a function that gives one',
  (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' &&
      value !== null &&
      (Symbol.iterator in value || Symbol.asyncIterator in value)),
  { required: true },
)

const jobOptions = options(
  'PipelineJob & FunctionJob',
  {
    name: text(),
    shards: shardsRule as never,
    seed: exactInteger({ default: 0 }),
    settings: anything() as never,
    leaseMs: integer({ min: 300, default: 30_000 }),
    maxAttempts: integer({ min: 1, default: 3 }),
    maxLosses: integer({ min: 0, default: 5 }),
    shardsAtOnce: integer({ min: 1, default: 1 }),
    splitAlign: integer({ min: 1, default: 1, unit: 'rows' }),
    pipeline: func(),
    sink: object(),
    run: func(),
  } satisfies Rules<JobSettings & PipelineJob<never> & FunctionJob>,
  ClusterError,
)

/** The settings of a job with their defaults. */
export interface CheckedJob {
  readonly job: Job<unknown>
  readonly seed: number
  readonly leaseMs: number
  readonly maxAttempts: number
  readonly maxLosses: number
  readonly shardsAtOnce: number
  readonly splitAlign: number
}

/**
 * Defines a job: shards, and what is done with each. A module exports it, and
 * `spindle run job.ts --workers 4 --ledger ./run` runs it.
 *
 * The job lists shards once and keeps them in the ledger. Each shard is leased by one worker at a
 * time, continues at its cursor after a crash, and its outputs count exactly once.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync, readFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { PipelineBuilder } from 'spindle'
 * import { jsonlShards } from 'spindle/sinks'
 * import { defineJob, runWorker } from '@spindle/cluster'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'job-'))
 * const job = defineJob({
 *   shards: ['a', 'b', 'c'],
 *   pipeline: ({ name }) => new PipelineBuilder().addSource([1, 2]).pipe((n) => `${name}${n}`),
 *   sink: jsonlShards(join(folder, 'out')),
 * })
 * const { isComplete, shards } = await runWorker(job, { ledger: join(folder, 'run') })
 * assert.deepEqual([isComplete, shards], [true, 3])
 * const { count } = JSON.parse(readFileSync(join(folder, 'out/manifest.json'), 'utf8'))
 * assert.equal(count, 6)
 * ```
 */
export function defineJob(job: FunctionJob): FunctionJob
export function defineJob<T>(job: PipelineJob<T>): PipelineJob<T>
export function defineJob(job: Job<unknown>): Job<unknown> {
  checkJob(job)
  return job
}

/** The settings of a job, checked. @throws `ERR_BAD_OPTION` */
export function checkJob(job: Job<unknown>): CheckedJob {
  const checked = jobOptions.check(job as never) as unknown as CheckedJob & {
    readonly run?: unknown
    readonly pipeline?: unknown
    readonly sink?: { readonly shared?: unknown; readonly open?: unknown }
  }
  const { run, pipeline, sink } = checked
  if ((run === undefined) === (pipeline === undefined))
    throw new ClusterError('ERR_BAD_OPTION', 'a job has either `pipeline` and `sink`, or `run`')
  if (pipeline !== undefined && sink?.shared === undefined)
    throw new ClusterError(
      'ERR_BAD_OPTION',
      '`sink` must be a sink that several writers share, such as jsonlShards(), npyShards() or shardSink() make; for other places use `run`',
    )
  if (run !== undefined && sink !== undefined)
    throw new ClusterError('ERR_BAD_OPTION', '`sink` belongs to `pipeline`; `run` writes itself')
  const { seed, leaseMs, maxAttempts, maxLosses, shardsAtOnce, splitAlign } = checked
  return { job, seed, leaseMs, maxAttempts, maxLosses, shardsAtOnce, splitAlign }
}
