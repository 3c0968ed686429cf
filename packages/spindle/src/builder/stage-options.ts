import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import {
  badOption,
  checkChoice,
  checkDuration,
  checkFunction,
  checkInteger,
  checkOptions,
} from '../check.ts'
import type { AggregateConfig, PipeConfig, SourceConfig } from '../engine/config.ts'
import type { Executor } from '../engine/executor.ts'
import { checkHooks } from '../engine/hooks/hook-calls.ts'
import { checkResumable } from '../engine/progress/resumption.ts'
import { checkDeadLetter } from '../engine/run/dead-letters.ts'
import { Collate, checkedAggregator } from '../engine/stages/aggregate-stage.ts'
import { checkBudget } from '../engine/stages/budget.ts'
import { elementsOf } from '../engine/stages/flat-map-stage.ts'
import { lookUp } from '../engine/stages/look-up.ts'
import { MOST_CALLS } from '../engine/tuned.ts'
import type {
  Aggregator,
  BuildOptions,
  RetryOptions,
  StageContext,
  TuneOptions,
} from '../engine/types.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import { checkLoopGuard } from '../guard/loop-guard.ts'
import type { AggregateOptions, PipeOptions, SourceOptions } from './builder-types.ts'

const DEFAULT_BUFFER = 2

const pipeOptions = [
  'name',
  'concurrency',
  'outputOrder',
  'maxFailures',
  'retry',
  'timeoutMs',
  'buffer',
  'maxBytes',
  'executor',
] as const satisfies readonly (keyof PipeOptions)[]

/** Checks the arguments of `pipe()` and fills in the defaults. */
export function pipeConfig(op: unknown, options: PipeOptions, at: string | undefined): PipeConfig {
  const run = toFunction(op, at)
  const name = options?.name ?? nameOfOp(op)
  const where = [`stage "${name}"`, ...(at === undefined ? [] : [at])].join(', ')
  checkOptions(options, pipeOptions, where)
  const { concurrency, range } = concurrencyOf(options.concurrency, where)
  const {
    outputOrder = 'completion',
    buffer = DEFAULT_BUFFER,
    maxBytes,
    maxFailures,
    timeoutMs,
    executor,
  } = options
  if (typeof name !== 'string' || name === '')
    badOption('name', 'a text that is not empty', name, where)
  checkChoice('outputOrder', outputOrder, ['completion', 'input'], where)
  checkInteger('buffer', buffer, 1, where)
  if (maxBytes !== undefined) checkInteger('maxBytes', maxBytes, 1, where)
  if (maxFailures !== undefined) checkBudget(maxFailures, where)
  if (timeoutMs !== undefined) checkDuration('timeoutMs', timeoutMs, where)
  if (executor !== undefined) checkExecutor(executor, op, where)
  return Object.freeze({
    kind: 'pipe',
    op,
    run,
    isElements: op === elementsOf,
    executor,
    name,
    concurrency,
    range,
    outputOrder,
    maxFailures,
    retry: retryOptions(options.retry, where),
    timeoutMs,
    buffer,
    maxBytes,
    where: at,
  })
}

/**
 * Initial concurrency of a tuned stage, within its range. It keeps the machine busy with calls that
 * use the CPU; the tuner finds the final number.
 */
const FIRST_CALLS = Math.max(8, 2 * availableParallelism())

function concurrencyOf(
  given: PipeOptions['concurrency'],
  where: string,
): Pick<PipeConfig, 'concurrency' | 'range'> {
  if (given === 'auto') return { concurrency: FIRST_CALLS, range: { min: 1, max: MOST_CALLS } }
  if (typeof given !== 'object' || given === null) {
    const concurrency = given ?? 1
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      badOption('concurrency', "an integer >= 1, 'auto' or { min, max }", given, where)
    return { concurrency, range: undefined }
  }
  checkOptions(given, ['min', 'max'], where)
  const { min = 1, max = Math.max(MOST_CALLS, given.min ?? 1) } = given
  checkInteger('concurrency.min', min, 1, where)
  checkInteger('concurrency.max', max, 1, where)
  if (max < min) badOption('concurrency.max', `an integer >= \`min\`, which is ${min}`, max, where)
  return { concurrency: Math.min(max, Math.max(min, FIRST_CALLS)), range: { min, max } }
}

/** Checks the arguments of `aggregate()` and fills in the defaults. */
export function aggregateConfig(
  how: unknown,
  options: AggregateOptions,
  where: string | undefined,
): AggregateConfig {
  checkOptions(options, ['dropLast'], where)
  const { dropLast = false } = options
  if (typeof dropLast !== 'boolean') badOption('dropLast', 'a boolean', dropLast, where)
  const common = { kind: 'aggregate', dropLast, buffer: DEFAULT_BUFFER, where } as const
  if (isWorkerOp(how))
    return Object.freeze({
      ...common,
      make: how,
      name: `aggregate(${how.exportName})`,
      size: undefined,
    })
  if (typeof how === 'function') {
    const make = (): Aggregator<unknown, unknown> => checkedAggregator(how(), where)
    return Object.freeze({
      ...common,
      make,
      name: `aggregate(${how.name || 'aggregator'})`,
      size: undefined,
    })
  }
  checkInteger('size', how, 1, where)
  return Object.freeze({
    ...common,
    make: () => new Collate(how),
    name: `aggregate(${how})`,
    size: how,
  })
}

function checkExecutor(executor: unknown, op: unknown, where: string): void {
  if (
    typeof executor !== 'object' ||
    executor === null ||
    typeof (executor as Executor).run !== 'function'
  )
    badOption('executor', 'a ThreadPool or another object with a function run', executor, where)
  if (isWorkerOp(op)) {
    const hasValues = op.bound !== undefined || op.initArgs !== undefined
    if (hasValues && (executor as Executor).bindsValues !== true)
      badOption(
        'executor',
        'one that heeds bound values and `initArgs`, which `bindsValues: true` says (a ThreadPool or ProcessPool does)',
        executor,
        where,
      )
    return
  }
  throw new SpindleError(
    'ERR_BAD_OPTION',
    `\`executor\` needs an op by reference, for functions and their variables cannot leave this thread: export the function from a module and give workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${nameOfOp(op)} (${where})`,
  )
}

function retryOptions(
  retry: PipeOptions['retry'],
  where: string,
): Required<RetryOptions> | undefined {
  if (retry === undefined) return undefined
  const given: RetryOptions =
    typeof retry === 'object' && retry !== null ? retry : { retries: retry }
  checkOptions(
    given,
    ['retries', 'minDelayMs', 'maxDelayMs', 'factor', 'jitter', 'shouldRetry'],
    where,
  )
  const {
    retries,
    minDelayMs = 100,
    maxDelayMs = 30_000,
    factor = 2,
    jitter = true,
    shouldRetry = retryAlways,
  } = given
  checkInteger(typeof retry === 'object' ? 'retry.retries' : 'retry', retries, 0, where)
  for (const [option, value, least] of [
    ['retry.minDelayMs', minDelayMs, 0],
    ['retry.maxDelayMs', maxDelayMs, 0],
    ['retry.factor', factor, 1],
  ] as const) {
    if (typeof value !== 'number' || !(value >= least))
      badOption(option, `a number >= ${least}`, value, where)
  }
  if (typeof jitter !== 'boolean') badOption('retry.jitter', 'a boolean', jitter, where)
  checkFunction('retry.shouldRetry', shouldRetry, where)
  return { retries, minDelayMs, maxDelayMs, factor, jitter, shouldRetry }
}

/** The default `shouldRetry`. Regions recognise it, because they refuse any other function. */
export const retryAlways = (): boolean => true

/** The function of a stage: the op itself, a look-up in it, or an op that runs elsewhere. */
function toFunction(op: unknown, where: string | undefined): PipeConfig['run'] {
  if (isWorkerOp(op)) return op
  if (typeof op === 'function') return op as (item: unknown, context: StageContext) => unknown
  if (op instanceof Map) return lookUp(op)
  if (Array.isArray(op) || (ArrayBuffer.isView(op) && 'length' in op))
    return lookUp(op as ArrayLike<unknown>)
  badOption('op', 'a function, an array, a Map or an op of workerModule()', op, where)
}

/** The name that a stage gets from its op. */
export function nameOfOp(op: unknown): string {
  if (typeof op === 'function') return op.name === '' ? 'anonymous' : op.name.replace(/^bound /, '')
  if (isWorkerOp(op)) return op.exportName
  return op instanceof Map ? 'Map' : 'Array'
}

/** Checks the options of `addSource()` and fills in the defaults. */
export function sourceOptions(
  options: SourceOptions,
  where: string | undefined,
): Pick<SourceConfig, 'continuous' | 'buffer' | 'name' | 'resume' | 'dataset'> {
  checkOptions(options, ['continuous', 'buffer', 'name', 'resume', 'dataset'], where)
  const { continuous = false, buffer = DEFAULT_BUFFER, name = 'source', resume, dataset } = options
  if (resume !== undefined) checkChoice('resume', resume, ['seek', 'skip'], where)
  if (dataset !== undefined && !isPlain(dataset))
    badOption('dataset', 'what JSON can say: texts, numbers, arrays, plain objects', dataset, where)
  if (typeof continuous !== 'boolean') badOption('continuous', 'a boolean', continuous, where)
  checkInteger('buffer', buffer, 1, where)
  if (typeof name !== 'string' || name === '')
    badOption('name', 'a text that is not empty', name, where)
  return { continuous, buffer, name, resume, dataset }
}

/** Whether a value survives a round trip through JSON unchanged. */
function isPlain(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value) ?? 'null'), value)
  } catch {
    return false
  }
}

function checkTune(tune: unknown): void {
  const modes = ['off', 'once', 'continuous'] as const
  if (typeof tune !== 'object' || tune === null) {
    checkChoice('tune', tune, modes)
    return
  }
  checkOptions(tune, ['mode', 'maxMemoryBytes'])
  const { mode, maxMemoryBytes } = tune as TuneOptions
  if (mode !== undefined) checkChoice('tune.mode', mode, modes)
  if (maxMemoryBytes !== undefined) checkInteger('tune.maxMemoryBytes', maxMemoryBytes, 1)
}

/** Checks the options of `build()`. */
export function checkBuildOptions(options: BuildOptions): void {
  checkOptions(options, [
    'maxFailures',
    'seed',
    'signal',
    'hooks',
    'backgroundTasks',
    'onItemError',
    'deadLetter',
    'logger',
    'threads',
    'tune',
    'reportIntervalMs',
    'onStats',
    'loopGuard',
    'resumable',
    'state',
  ] satisfies (keyof BuildOptions)[])
  if (options.maxFailures !== undefined) checkBudget(options.maxFailures)
  if (options.seed !== undefined && !Number.isSafeInteger(options.seed))
    badOption('seed', 'an integer', options.seed)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    badOption('signal', 'an AbortSignal', options.signal)
  }
  if (options.reportIntervalMs !== undefined)
    checkDuration('reportIntervalMs', options.reportIntervalMs)
  if (options.onStats !== undefined) checkFunction('onStats', options.onStats)
  if (options.threads !== undefined) checkInteger('threads', options.threads, 1)
  checkLoopGuard(options.loopGuard)
  if (options.tune !== undefined) checkTune(options.tune)
  checkResumable(options)
  if (options.onItemError !== undefined) checkFunction('onItemError', options.onItemError)
  if (options.deadLetter !== undefined) checkDeadLetter(options.deadLetter)
  if (options.hooks !== undefined && typeof options.hooks !== 'function') checkHooks(options.hooks)
  const { logger } = options
  if (
    logger !== undefined &&
    (typeof logger?.warn !== 'function' || typeof logger.error !== 'function')
  ) {
    badOption('logger', 'an object with the functions warn and error', logger)
  }
  if (options.backgroundTasks !== undefined) {
    if (!Array.isArray(options.backgroundTasks))
      badOption('backgroundTasks', 'an array of functions', options.backgroundTasks)
    for (const task of options.backgroundTasks) checkFunction('backgroundTasks', task)
  }
}
