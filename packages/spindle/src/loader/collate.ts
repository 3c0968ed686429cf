import { badOption } from '../check.ts'
import { isStageContext, type StageContext } from '../op-context.ts'
import { checkArgument, choice, object, options, type Rules } from '../options/index.ts'
import { constructors, type Data, type DType, isBigInt, type NdArray } from './array.ts'
import {
  alignedBytes,
  type BatchMemory,
  batchMemory,
  checkMemory,
  type MemoryOptions,
  memoryRules,
} from './batch-memory.ts'
import { type CollateArrayPlan, type CollatePlan, differs, planBatch } from './batch-plan.ts'
import { batchAlike, hasPath, layoutOf, sizesOf, UNLIKE } from './collate-alike.ts'
import type { Collated, NumberDType } from './collated.ts'
import { Filler } from './fill-range.ts'
import { checkPadding, type Padding, type PadOptions } from './padding.ts'
import { type Block, elementsIn, placeArray } from './place-array.ts'

/**
 * Options of `collate()`. Members of records are named by path: `'pixels'`, `'image.mask'`, `'0'`
 * in lists, `''` for records that are arrays themselves.
 */
export interface CollateOptions<
  N extends NumberDType = NumberDType,
  K extends { readonly [path: string]: NumberDType } = { readonly [path: string]: NumberDType },
  P extends { readonly [path: string]: PadOptions } = { readonly [path: string]: PadOptions },
> extends MemoryOptions {
  /** Which paths to pad, and how. Default: none; arrays that differ in shape are an error. */
  readonly pad?: P
  /** Dtype of numbers, alone or in lists. Default `'float64'`, which loses no precision. */
  readonly numbers?: N
  /** Dtype of the numbers at some paths: `{ label: 'int64' }`. */
  readonly dtypes?: K
}

const numberDTypes = Object.keys(constructors).filter(
  (dtype) => dtype !== 'bool' && dtype !== 'float16',
) as NumberDType[]

const collateOptions = options('CollateOptions', {
  pad: object({ default: {} }),
  numbers: choice(numberDTypes, { default: 'float64' }),
  dtypes: object({ default: {} }),
  ...memoryRules,
} satisfies Rules<CollateOptions>)

/** The members that masks add to a batch of objects. */
export type MasksOf<P> = {
  [K in keyof P as P[K] extends { readonly mask: infer M extends string }
    ? M
    : never]: NdArray<'int64'>
}

/** What `collate()` returns for records of type `T`. */
export type CollatedBatch<T, N extends NumberDType, K, P> = T extends
  | NdArray
  | ArrayBufferView
  | number
  | string
  ? Collated<T, N, K>
  : Collated<T, N, K> & MasksOf<P>

/**
 * Makes one batch of records that have the same members. All data is copied in bulk.
 *
 * - Arrays and typed arrays are stacked along a new first axis. Where `pad` says so, arrays of
 *   different shapes are padded.
 * - Numbers, bigints and booleans become an array with one axis; lists of numbers become one with
 *   two.
 * - Objects and lists are collated member by member. A list of numbers is data; any other list
 *   counts as a tuple.
 * - Texts and other values that are not data become a plain list.
 *
 * `collate` itself can be an op: `pipe(collate)`, `new DataLoader(source, { batchSize, collate })`.
 *
 * @returns arrays `[records.length, ...shape]`, in objects and lists like those of the records
 * @throws `ERR_BAD_OPTION` for a wrong option, an empty list, or records that differ;
 *   `ERR_TOO_LARGE` for an array above its `pad.length` or memory that is too small;
 *   `ERR_POOL_FULL`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { collate } from 'spindle/loader'
 *
 * const records = [
 *   { inputIds: BigInt64Array.of(7n, 8n, 9n), label: 1, text: 'one' },
 *   { inputIds: BigInt64Array.of(5n), label: 0, text: 'two' },
 * ]
 * const batch = collate(records, {
 *   pad: { inputIds: { value: 0, multipleOf: 4, mask: 'attentionMask' } },
 *   dtypes: { label: 'int64' },
 * })
 * assert.deepEqual(batch.inputIds, { data: BigInt64Array.of(7n, 8n, 9n, 0n, 5n, 0n, 0n, 0n), dtype: 'int64', shape: [2, 4] })
 * assert.deepEqual([...batch.attentionMask.data], [1n, 1n, 1n, 0n, 1n, 0n, 0n, 0n])
 * assert.deepEqual(batch.label, { data: BigInt64Array.of(1n, 0n), dtype: 'int64', shape: [2] })
 * assert.deepEqual(batch.text, ['one', 'two'])
 * ```
 */
export function collate<
  T,
  N extends NumberDType = 'float64',
  const K extends { readonly [path: string]: NumberDType } = Record<never, NumberDType>,
  const P extends { readonly [path: string]: PadOptions } = Record<never, PadOptions>,
>(
  records: readonly T[],
  options: CollateOptions<N, K, P> | StageContext = {},
): CollatedBatch<T, N, K, P> {
  if (isStageContext(options)) return collate(records)
  const checked = checkedOptions(records, options)
  const alike = collateAlike(records, checked)
  if (alike !== UNLIKE) return alike as CollatedBatch<T, N, K, P>
  const plan = plannedBatch(records, checked)
  const memory = batchMemory(options, sizesIn(plan, records.length))
  return make(plan, records.length, memory) as CollatedBatch<T, N, K, P>
}

/**
 * Number of bytes that `collate()` with these arguments takes of `into` or a pool.
 *
 * @throws as `collate()` does for the records.
 */
export function collatedBytes(records: readonly unknown[], options: CollateOptions = {}): number {
  const plan = plannedBatch(records, checkedOptions(records, options))
  return alignedBytes(sizesIn(plan, records.length))
}

interface CheckedOptions extends MemoryOptions {
  readonly pad: Readonly<Record<string, PadOptions>>
  readonly numbers: NumberDType
  readonly dtypes: Readonly<Record<string, NumberDType>>
}

function checkedOptions(records: readonly unknown[], options: CollateOptions): CheckedOptions {
  const checked = collateOptions.check(options) as CheckedOptions
  checkMemory(checked)
  for (const [path, dtype] of Object.entries(checked.dtypes))
    checkArgument(`dtypes.${path}`, dtype, collateOptions.rules.numbers)
  if (!Array.isArray(records) || records.length === 0)
    badOption('records', 'an array of at least one', records)
  return checked
}

/** The batch, if all records are like the first one and nothing is padded; else `UNLIKE`. */
function collateAlike(records: readonly unknown[], options: CheckedOptions): unknown {
  if (Object.keys(options.pad).length > 0) return UNLIKE
  // A lease would have to be returned if a record differs.
  if (options.pool !== undefined) return UNLIKE
  const layout = layoutOf(records[0], '', options)
  if (layout === undefined) return UNLIKE
  if (!Object.keys(options.dtypes).every((path) => hasPath(layout, path))) return UNLIKE
  const memory = batchMemory(options, sizesOf(layout, records.length))
  return batchAlike(layout, records, undefined, memory)
}

function plannedBatch(
  records: readonly unknown[],
  { pad, numbers, dtypes }: CheckedOptions,
): CollatePlan {
  const paddings = new Map<string, Padding>()
  for (const [path, how] of Object.entries(pad)) paddings.set(path, checkPadding(how, path))
  const seen = new Set<string>()
  const plan = planBatch(records, '', {
    numbers,
    dtypes: new Map(Object.entries(dtypes)),
    paddings,
    seen,
  })
  for (const [option, paths] of [
    ['pad', pad],
    ['dtypes', dtypes],
  ] as const) {
    const unknown = Object.keys(paths).find((path) => !seen.has(path))
    if (unknown !== undefined)
      badOption(option, `of members that the records have: ${[...seen].join(', ')}`, unknown)
  }
  if (plan.kind === 'array' && plan.padding?.mask !== undefined)
    badOption(
      'pad.mask',
      'left out where records are arrays: there is no member beside',
      plan.padding.mask,
    )
  return plan
}

/** Bytes of each array, in the order in which the arrays are made. */
function sizesIn(plan: CollatePlan, count: number): number[] {
  if (plan.kind === 'list') return []
  if (plan.kind === 'members') return plan.members.flatMap(([, member]) => sizesIn(member, count))
  const size = count * elementsIn(plan.shape) * plan.Data.BYTES_PER_ELEMENT
  return plan.padding?.mask === undefined ? [size] : [size, count * (plan.shape[0] ?? 1) * 8]
}

function make(plan: CollatePlan, count: number, memory: BatchMemory): unknown {
  if (plan.kind === 'list') return plan.values
  if (plan.kind === 'array') return makeArray(plan, count, memory)
  const made: [string, unknown][] = []
  for (const [name, member] of plan.members) {
    made.push([name, make(member, count, memory)])
    if (member.kind !== 'array' || member.padding?.mask === undefined) continue
    const { mask } = member.padding
    if (plan.isArray || plan.members.some(([other]) => other === mask))
      badOption(`pad.${name}.mask`, 'a name that no member beside it has', mask)
    made.push([mask, makeMask(member, member.padding, count, memory)])
  }
  return plan.isArray ? made.map(([, value]) => value) : Object.fromEntries(made)
}

function makeArray(plan: CollateArrayPlan, count: number, memory: BatchMemory): NdArray {
  const { dtype, Data, values, shapes, padding } = plan
  const size = elementsIn(plan.shape)
  const data = memory.take(Data, count * size)
  if (plan.shapes[0]?.length === 0 && !ArrayBuffer.isView(values[0])) {
    copyNumbers(values as readonly number[], data, plan, (i) => i)
  } else {
    const needsFill = padding !== undefined && !(memory.isFresh && isZero(padding.value))
    const block: Block = {
      to: data,
      shape: plan.shape,
      filler: needsFill ? new Filler(padding.value) : undefined,
      isLeft: padding?.isLeft ?? false,
    }
    for (let i = 0; i < count; i++)
      placeArray(block, elementsOf(plan, i), shapes[i] as readonly number[], i * size)
  }
  return array(data, dtype, [count, ...plan.shape])
}

/** A list of numbers as a typed array; anything else unchanged. */
function elementsOf(plan: CollateArrayPlan, at: number): Data {
  const value = plan.values[at]
  if (ArrayBuffer.isView(value)) return value as Data
  const numbers = value as readonly number[]
  const elements = new plan.Data(numbers.length)
  copyNumbers(numbers, elements, plan, () => at)
  return elements
}

/**
 * Numbers that a dtype cannot hold are an error: the typed array would silently store others.
 * Floats may be rounded, but must not become infinite.
 */
function copyNumbers(
  numbers: readonly (number | bigint | boolean)[],
  to: Data,
  { dtype, path }: CollateArrayPlan,
  recordOf: (at: number) => number,
): void {
  const target = to as { [at: number]: number | bigint }
  const isExact = !dtype.startsWith('float')
  const isFloat32 = dtype === 'float32'
  const isWide = isBigInt(dtype)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number | bigint
    const fits = !isExact || typeof value !== 'number' || Number.isSafeInteger(value)
    if (fits) target[i] = isWide ? BigInt(value) : Number(value)
    // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value
    const isOther = isExact ? target[i] != value : isFloat32 && isOverflow(value, target[i])
    if (!fits || isOther) differs(path, recordOf(i), `what ${dtype} can hold`, value)
  }
}

function isOverflow(value: number | bigint, stored: number | bigint | undefined): boolean {
  return Number.isFinite(value) && !Number.isFinite(stored)
}

function isZero(value: number | bigint): boolean {
  return value === 0n || Object.is(value, 0)
}

function makeMask(
  plan: CollateArrayPlan,
  padding: Padding,
  count: number,
  memory: BatchMemory,
): NdArray {
  const length = plan.shape[0] ?? 1
  const data = memory.take(constructors.int64, count * length)
  const [ones, zeros] = [new Filler(1n), memory.isFresh ? undefined : new Filler(0n)]
  for (let i = 0; i < count; i++) {
    const own = plan.shapes[i]?.[0] ?? 1
    const start = i * length + (padding.isLeft ? length - own : 0)
    ones.fill(data, start, start + own)
    zeros?.fill(
      data,
      padding.isLeft ? i * length : start + own,
      padding.isLeft ? start : (i + 1) * length,
    )
  }
  return array(data, 'int64', [count, length])
}

function array(data: Data, dtype: DType, shape: number[]): NdArray {
  return { data, dtype, shape } as NdArray
}
