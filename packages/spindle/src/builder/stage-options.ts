import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { badOption, checkInteger } from '../check.ts'
import type { AggregateConfig, MergeOp, PipeConfig } from '../engine/config.ts'
import type { Executor } from '../engine/executor.ts'
import type { Json } from '../engine/seekable.ts'
import { Collate, checkedAggregator } from '../engine/stages/aggregate-stage.ts'
import { failureBudget } from '../engine/stages/budget.ts'
import { elementsOf } from '../engine/stages/flat-map-stage.ts'
import { lookUp } from '../engine/stages/look-up.ts'
import { MOST_CALLS } from '../engine/tuned.ts'
import type { Aggregator, RateLimit, RetryOptions, StageContext } from '../engine/types.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import {
  boolean,
  choice,
  durationMs,
  either,
  func,
  group,
  integer,
  is,
  minToMax,
  number,
  type Options,
  options,
  type Rule,
  type Rules,
  text,
} from '../options/index.ts'
import type {
  AggregateOptions,
  MergeOptions,
  MergeStopOptions,
  PipeOptions,
  SourceOptions,
  VariantOptions,
} from './builder-types.ts'

const DEFAULT_BUFFER = 2
/** The rule of `buffer`. */
export const bufferRule: Rule<number, 'always'> = integer({
  min: 1,
  default: DEFAULT_BUFFER,
  unit: 'items',
})

const concurrencyRange = options(
  'PipeOptions.concurrency',
  {
    min: integer({ min: 1, default: 1, unit: 'calls' }),
    max: integer({ min: 1, unit: 'calls' }),
  } satisfies Rules<ConcurrencyRange>,
  undefined,
  minToMax,
)

type ConcurrencyRange = Extract<PipeOptions['concurrency'], object>

const retryOptions = options('RetryOptions', {
  retries: integer({ min: 0, required: true }),
  minDelayMs: number({ min: 0, default: 100 }),
  maxDelayMs: number({ min: 0, default: 30_000 }),
  factor: number({ min: 1, default: 2 }),
  jitter: boolean({ default: true }),
  shouldRetry: func({ defaultOf: () => retryAlways }),
  delayMs: func(),
} satisfies Rules<RetryOptions>)

const rateLimitOptions = options('RateLimit', {
  perSecond: is('a finite number > 0', isRate, { required: true, unit: 'calls' }),
  burst: integer({ min: 1, unit: 'calls' }),
} satisfies Rules<RateLimit>)

const pipeOptions = options('PipeOptions', {
  name: text(),
  concurrency: either(
    is("an integer >= 1, 'auto' or { min, max }", isConcurrency),
    concurrencyRange,
    { default: 1, unit: 'calls' },
  ),
  outputOrder: choice(['completion', 'input'], { default: 'completion' }),
  maxFailures: failureBudget,
  retry: either(integer({ min: 0 }), retryOptions),
  timeoutMs: durationMs(),
  rateLimit: group(rateLimitOptions),
  buffer: bufferRule,
  maxBytes: integer({ min: 1 }),
  executor: is('a ThreadPool or another object with a function run', isExecutor),
} satisfies Rules<PipeOptions>)

function isConcurrency(value: unknown): boolean {
  return value === 'auto' || (Number.isSafeInteger(value) && (value as number) >= 1)
}

function isRate(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY
}

function isExecutor(value: unknown): boolean {
  return typeof (value as Executor | null)?.run === 'function' && typeof value === 'object'
}

/** Checks the arguments of `pipe()` and fills in the defaults. */
export function pipeConfig(op: unknown, given: PipeOptions, at: string | undefined): PipeConfig {
  const run = toFunction(op, at)
  const defaults = (isWorkerOp(op) ? op.defaults : undefined) ?? {}
  const defaultName = defaults.name ?? nameOfOp(op)
  const where = [`stage "${given?.name ?? defaultName}"`, ...(at === undefined ? [] : [at])].join(
    ', ',
  )
  const {
    name = defaultName,
    concurrency,
    retry,
    rateLimit,
    ...others
  } = pipeOptions.check(typeof given === 'object' ? { ...defaults, ...given } : given, where)
  if (others.executor !== undefined) checkOpOf(others.executor, op, where)
  return Object.freeze({
    kind: 'pipe',
    op,
    run,
    isElements: op === elementsOf,
    name,
    ...others,
    rateLimit: rateLimit && limitOf(rateLimit),
    ...startOf(concurrency, where),
    retry:
      retry === undefined
        ? undefined
        : retryOptions.check(typeof retry === 'number' ? { retries: retry } : retry, where),
    where: at,
  })
}

/**
 * Initial concurrency of a tuned stage, within its range. It keeps the machine busy with calls that
 * use the CPU; the tuner finds the final number.
 */
const FIRST_CALLS = Math.max(8, 2 * availableParallelism())

function startOf(
  given: number | 'auto' | ConcurrencyRange,
  where: string,
): Pick<PipeConfig, 'concurrency' | 'range'> {
  if (typeof given === 'number') return { concurrency: given, range: undefined }
  if (given === 'auto') return { concurrency: FIRST_CALLS, range: { min: 1, max: MOST_CALLS } }
  const { min, max = Math.max(MOST_CALLS, min) } = concurrencyRange.check(given, where)
  return { concurrency: Math.min(max, Math.max(min, FIRST_CALLS)), range: { min, max } }
}

const aggregateOptions = options('AggregateOptions', {
  dropLast: boolean({ default: false }),
} satisfies Rules<AggregateOptions>)

/** Checks the arguments of `aggregate()` and fills in the defaults. */
export function aggregateConfig(
  how: unknown,
  given: AggregateOptions,
  where: string | undefined,
): AggregateConfig {
  const { dropLast } = aggregateOptions.check(given, where)
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

function checkOpOf(executor: Executor, op: unknown, where: string): void {
  if (isWorkerOp(op)) {
    const hasValues = op.bound !== undefined || op.initArgs !== undefined
    if (hasValues && executor.bindsValues !== true)
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

/** A timer may be a few milliseconds late. With a burst, the calls that were due then follow it. */
function limitOf(given: RateLimit): Required<RateLimit> {
  const { perSecond, burst = Math.max(1, Math.floor(perSecond / 50)) } =
    rateLimitOptions.check(given)
  return Object.freeze({ perSecond, burst })
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

/** The rules of {@link SourceOptions}. */
export const sourceOptions: Options<{
  readonly continuous: Rule<boolean, 'always'>
  readonly buffer: Rule<number, 'always'>
  readonly name: Rule<string, 'always'>
  readonly resume: Rule<'seek' | 'skip', 'maybe'>
  readonly dataset: Rule<Json, 'maybe'>
}> = options('SourceOptions', {
  continuous: boolean({ default: false }),
  buffer: bufferRule,
  name: text({ default: 'source' }),
  resume: choice(['seek', 'skip']),
  dataset: is('what JSON can say: texts, numbers, arrays, plain objects', isPlain),
} satisfies Rules<SourceOptions>)

/** Whether a value survives a round trip through JSON unchanged. */
function isPlain(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value) ?? 'null'), value)
  } catch {
    return false
  }
}

const variantOptions = options('VariantOptions', {
  name: text({ default: 'path_variants' }),
  batched: boolean({ default: false }),
  lookAhead: integer({ min: 0, default: 32, unit: 'items' }),
} satisfies Rules<VariantOptions>)

/** Checks the options of `pathVariants()` and fills in the defaults. */
export function variantSettings(
  given: VariantOptions,
  where: string | undefined,
): Required<VariantOptions> {
  return variantOptions.check(given, where)
}

const mergeOptions = options(
  'MergeOptions & MergeStopOptions',
  {
    op: func(),
    stop: choice(['first', 'all']),
    name: text({ default: 'merge' }),
  } satisfies Rules<MergeOptions<unknown, unknown> & MergeStopOptions>,
  undefined,
  ({ op, stop }) =>
    op !== undefined && stop !== undefined
      ? ['stop', 'left out where there is an `op`, which ends when its outputs do']
      : undefined,
)

/** Checks the options of `merge()` and fills in the defaults. */
export function mergeSettings(
  given: object,
  where: string | undefined,
): { readonly op: MergeOp | undefined; readonly stopsFirst: boolean; readonly name: string } {
  const { op, stop, name } = mergeOptions.check(given, where)
  return { op: op as MergeOp | undefined, stopsFirst: stop === 'first', name }
}
