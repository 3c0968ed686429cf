import {
  anything,
  boolean,
  choice,
  either,
  func,
  integer,
  is,
  list,
  object,
  options,
  type Rule,
  type Rules,
  text,
} from 'spindle/options'
import type { ModelFeeds } from '../base/arrays.ts'
import type {
  BatchOptions,
  OnnxModelOptions,
  OutputNames,
  SessionOptions,
  TransformersOptions,
} from './model-options.ts'
import type { TokenDType } from './text-options.ts'

const sessionOptions = options('SessionOptions', {
  count: integer({ min: 1, unit: 'sessions' }),
  kind: choice(['thread', 'process'], { default: 'thread' }),
  threads: integer({ min: 1, unit: 'threads' }),
  graceMs: integer({ min: 0, default: 1000 }),
} satisfies Rules<SessionOptions>)

/** Checked {@link SessionOptions}. */
export interface CheckedSessions {
  readonly count: number | undefined
  readonly kind: 'thread' | 'process'
  readonly threads: number | undefined
  readonly graceMs: number
}

const padRule: Rule<number | Readonly<Record<string, number>>, 'maybe'> = is(
  'a number, or an object with a number for each input',
  (value) =>
    typeof value === 'number' ||
    (typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((one) => typeof one === 'number')),
)

const batchOptions = options('BatchOptions', {
  max: integer({ min: 1, default: 8, unit: 'items' }),
  waitMs: is('a finite number >= 0', isWait, { default: 10 }),
  bucketBy: func(),
  pad: padRule,
} satisfies Rules<BatchOptions>)

function isWait(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}

/** Checked {@link BatchOptions}. */
export interface CheckedBatch {
  readonly max: number
  readonly waitMs: number
  readonly bucketBy: ((item: never) => string | number) | undefined
  readonly pad: number | Readonly<Record<string, number>> | undefined
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** The rules of {@link CommonModelOptions}, and of `result`. */
const commonRules = {
  name: text(),
  sessions: either<number | SessionOptions>(integer({ min: 1, unit: 'sessions' }), sessionOptions),
  batch: either<false | BatchOptions<never>>(
    is('false or an object of options', (value) => value === false),
    batchOptions,
  ),
  providers: list<readonly string[]>('texts', isText, { minLength: 1 }),
  warmup: list<readonly never[]>('items', () => true),
  inputs: func<(item: never) => unknown>(),
  transfer: boolean(),
  result: func<(output: never, item: never) => unknown>(),
}

const settingsRule: Rule<Readonly<Record<string, unknown>>, 'maybe'> = object()

const onnxOptions = options('OnnxModelOptions', {
  ...commonRules,
  outputs: is<OutputNames>(
    'the name of an output, or an array of names',
    (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
  ),
  runtime: choice(['onnxruntime-node', 'onnxruntime-web']),
  sessionOptions: settingsRule,
  constants: object<ModelFeeds>(),
})

const backendOptions = options('BackendModelOptions', {
  ...commonRules,
  settings: anything<unknown>(),
})

const transformersOptions = options('TransformersOptions', {
  ...commonRules,
  pipelineOptions: settingsRule,
  callOptions: settingsRule,
})

const textRules = {
  name: commonRules.name,
  sessions: commonRules.sessions,
  batch: commonRules.batch,
  inputs: commonRules.inputs,
  result: commonRules.result,
  specialTokens: boolean({ default: true }),
  maxTokens: integer({ min: 1, unit: 'tokens' }),
}
const textOptions = options('TextOptions', textRules)
const tokenizeOptions = options('TokenizeOptions', {
  ...textRules,
  dtype: choice(['uint16', 'uint32', 'int32'], { default: 'uint32' }),
})

/** The options that all models have, checked. */
export interface CheckedModel {
  readonly name: string | undefined
  readonly sessions: CheckedSessions
  /** `undefined`: no batches. */
  readonly batch: CheckedBatch | undefined
  readonly providers: readonly string[] | undefined
  readonly warmup: readonly unknown[] | undefined
  readonly inputs: ((item: never) => unknown) | undefined
  readonly transfer: boolean | undefined
  readonly result: ((output: never, item: never) => unknown) | undefined
}

type Given<O, K extends keyof O> = { readonly [N in K]-?: O[N] | undefined }

/** Checked {@link OnnxModelOptions}. */
export type CheckedOnnx = CheckedModel &
  Given<
    OnnxModelOptions<never, OutputNames, never>,
    'outputs' | 'runtime' | 'sessionOptions' | 'constants'
  >

/** Checked {@link TransformersOptions}. */
export type CheckedTransformers = CheckedModel &
  Given<TransformersOptions<never, never, never, never>, 'pipelineOptions' | 'callOptions'>

/** Checked {@link TextOptions}. */
export interface CheckedText extends CheckedModel {
  readonly specialTokens: boolean
  readonly maxTokens: number | undefined
}

// All of these throw SpindleError `ERR_BAD_OPTION`.

export function checkOnnx(given: object): CheckedOnnx {
  return withParts(onnxOptions.check(given)) as CheckedOnnx
}

export function checkBackend(given: object): CheckedModel & { readonly settings: unknown } {
  return withParts(backendOptions.check(given)) as ReturnType<typeof checkBackend>
}

export function checkTransformers(given: object): CheckedTransformers {
  return withParts(transformersOptions.check(given)) as CheckedTransformers
}

export function checkText(given: object): CheckedText {
  return withParts(textOptions.check(given)) as unknown as CheckedText
}

export function checkTokenize(given: object): CheckedText & { readonly dtype: TokenDType } {
  return withParts(tokenizeOptions.check(given)) as unknown as ReturnType<typeof checkTokenize>
}

function withParts<C extends Parameters<typeof checkParts>[0]>(
  checked: C,
): Omit<C, 'sessions' | 'batch'> & Pick<CheckedModel, 'sessions' | 'batch'> {
  return { ...checked, ...checkParts(checked) }
}

function checkParts({
  sessions = {},
  batch = {},
}: {
  readonly sessions?: number | SessionOptions | undefined
  readonly batch?: false | BatchOptions<never> | undefined
}): Pick<CheckedModel, 'sessions' | 'batch'> {
  return {
    sessions: sessionOptions.check(typeof sessions === 'number' ? { count: sessions } : sessions),
    batch: batch === false ? undefined : (batchOptions.check(batch) as CheckedBatch),
  }
}
