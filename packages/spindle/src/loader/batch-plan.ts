import { badOption } from '../check.ts'
import { isPlainObject } from '../plain-object.ts'
import {
  constructors,
  type Data,
  type DataConstructor,
  type DType,
  dtypeOf,
  isBigInt,
  isNdArray,
} from './array.ts'
import type { NumberDType } from './collated.ts'
import { type Padding, paddedShape } from './padding.ts'
import { elementsIn } from './place-array.ts'

/**
 * What one path of the records becomes in the batch: an array, a plain list, or an object or list
 * of members.
 */
export type CollatePlan = CollateArrayPlan | ListPlan | MembersPlan

/** Values that become one array. */
export interface CollateArrayPlan {
  readonly kind: 'array'
  readonly path: string
  readonly dtype: DType
  readonly Data: DataConstructor
  /** For each record: its elements, or the number itself. */
  readonly values: readonly (Data | readonly unknown[] | number | bigint | boolean)[]
  readonly shapes: readonly (readonly number[])[]
  /** The shape that each record has in the batch. */
  readonly shape: readonly number[]
  readonly padding: Padding | undefined
}

/** Values that stay as they are, in a plain list. */
export interface ListPlan {
  readonly kind: 'list'
  readonly values: readonly unknown[]
}

/** The members of objects, or of lists of equal length. */
export interface MembersPlan {
  readonly kind: 'members'
  readonly isArray: boolean
  readonly members: readonly (readonly [name: string, plan: CollatePlan])[]
}

/** The options of `collate()` that decide how values become arrays. */
export interface PlanRules {
  readonly numbers: NumberDType
  readonly dtypes: ReadonlyMap<string, NumberDType>
  readonly paddings: ReadonlyMap<string, Padding>
  /** Paths that occurred in the records. */
  readonly seen: Set<string>
}

/**
 * Plans the batch for the values at one path.
 *
 * @param path `''`, `'pixels'`, `'image.mask'`
 * @throws `ERR_BAD_OPTION` if records differ in more than their data.
 */
export function planBatch(values: readonly unknown[], path: string, rules: PlanRules): CollatePlan {
  rules.seen.add(path)
  const first = values[0]
  if (isNdArray(first)) return planArrays(values, path, rules)
  if (dtypeOf(first) !== undefined) return planVectors(values, path, rules)
  if (typeof first === 'number' || typeof first === 'bigint' || typeof first === 'boolean')
    return planScalars(values, path, rules)
  if (Array.isArray(first)) {
    const kind = vectorKind(values)
    return kind === undefined
      ? planLists(values, path, rules)
      : planNumbers(values, kind, path, rules)
  }
  return isPlainObject(first) ? planObjects(values, path, rules) : planList(values, path)
}

function planArrays(values: readonly unknown[], path: string, rules: PlanRules): CollateArrayPlan {
  const arrays = values.map((value, at) => {
    if (!isNdArray(value)) return differs(path, at, 'an array, as the first one is', value)
    if (!value.shape.every((length) => Number.isSafeInteger(length) && length >= 0))
      differs(path, at, 'of a shape of integers >= 0', `[${value.shape}]`)
    if (value.data.length !== elementsIn(value.shape))
      differs(path, at, `of as many elements as its shape [${value.shape}] has`, value.data.length)
    return value
  })
  const { dtype } = arrays[0]!
  if (!Object.hasOwn(constructors, dtype)) differs(path, 0, 'of a known dtype', dtype)
  for (const [at, array] of arrays.entries()) {
    if (array.dtype !== dtype) differs(path, at, `${dtype}, as the first one is`, array.dtype)
    if (constructors[dtype] !== constructors[storedAs(array.data)])
      differs(path, at, `${dtype} in a ${constructors[dtype].name}`, array.data.constructor)
  }
  const data = arrays.map((array) => array.data)
  return planData(
    dtype,
    data,
    arrays.map(({ shape }) => shape),
    path,
    rules,
  )
}

function planVectors(values: readonly unknown[], path: string, rules: PlanRules): CollateArrayPlan {
  const dtype = dtypeOf(values[0]) as DType
  for (const [at, value] of values.entries())
    if (dtypeOf(value) !== dtype)
      differs(path, at, `a typed array of ${dtype}, as the first one is`, value)
  const data = values as readonly Data[]
  return planData(
    dtype,
    data,
    data.map(({ length }) => [length]),
    path,
    rules,
  )
}

function planData(
  dtype: DType,
  data: readonly Data[],
  shapes: readonly (readonly number[])[],
  path: string,
  rules: PlanRules,
): CollateArrayPlan {
  const isHalf = dtype === 'float16'
  const Data = isHalf ? (data[0]!.constructor as DataConstructor) : constructors[dtype]
  // Between Float16Array and the bits in a Uint16Array, `set` would convert.
  const alike = isHalf ? data.map((each) => sameBits(each, Data)) : data
  const placed = shaped(shapes, path, rules)
  checkPaddingValue(placed.padding, Data, dtype, path)
  return { kind: 'array', path, dtype, Data, values: alike, ...placed }
}

function sameBits(data: Data, Data: DataConstructor): Data {
  return data.constructor === Data ? data : new Data(data.buffer, data.byteOffset, data.length)
}

function storedAs(data: Data): DType {
  const dtype = dtypeOf(data)
  return dtype === undefined ? 'uint8' : dtype
}

function planNumbers(
  values: readonly unknown[],
  kind: 'number' | 'bigint',
  path: string,
  rules: PlanRules,
): CollateArrayPlan {
  const dtype = kind === 'bigint' ? 'int64' : (rules.dtypes.get(path) ?? rules.numbers)
  const lists = values as readonly (readonly unknown[])[]
  const placed = shaped(
    lists.map(({ length }) => [length]),
    path,
    rules,
  )
  checkPaddingValue(placed.padding, constructors[dtype], dtype, path)
  return { kind: 'array', path, dtype, Data: constructors[dtype], values: lists, ...placed }
}

/**
 * Checks that the dtype can hold the padding value. Otherwise the typed array would silently store
 * another value.
 */
function checkPaddingValue(
  padding: Padding | undefined,
  Data: DataConstructor,
  dtype: DType,
  path: string,
): void {
  if (padding === undefined) return
  const { value } = padding
  const isBig = isBigInt(dtype)
  const isExact = typeof value === 'bigint' || Number.isInteger(value)
  const element = new Data(1) as { [at: number]: number | bigint }
  if (!isBig || isExact) element[0] = isBig ? BigInt(value) : Number(value)
  const stored = element[0] as number | bigint
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value
  const isHeld = isExact || dtype.startsWith('float') ? stored == value : false
  const isBool = dtype !== 'bool' || stored === 0 || stored === 1
  const isFloat = dtype.startsWith('float') && !(element instanceof Uint16Array)
  const isRounded = isFloat && Number.isFinite(value) === Number.isFinite(stored)
  if (!isBool || !(isHeld || isRounded))
    badOption(`pad${memberOf(path)}.value`, `what ${dtype} can hold`, value)
}

function planScalars(values: readonly unknown[], path: string, rules: PlanRules): CollateArrayPlan {
  const kind = typeof values[0] as 'number' | 'bigint' | 'boolean'
  for (const [at, value] of values.entries())
    if (typeof value !== kind) differs(path, at, `a ${kind}, as the first one is`, value)
  const numbers = rules.dtypes.get(path) ?? rules.numbers
  const dtype = kind === 'number' ? numbers : kind === 'bigint' ? 'int64' : 'bool'
  const scalars = values as readonly (number | bigint | boolean)[]
  const shapes = scalars.map(() => [])
  return {
    kind: 'array',
    path,
    dtype,
    Data: constructors[dtype],
    values: scalars,
    shapes,
    shape: [],
    padding: undefined,
  }
}

function shaped(
  shapes: readonly (readonly number[])[],
  path: string,
  rules: PlanRules,
): Pick<CollateArrayPlan, 'shapes' | 'shape' | 'padding'> {
  const padding = rules.paddings.get(path)
  if (padding !== undefined)
    return { shapes, shape: paddedShape(shapes, padding, memberOf(path)), padding }
  const shape = shapes[0] as readonly number[]
  for (const [at, other] of shapes.entries()) {
    if (other.length === shape.length && other.every((length, axis) => length === shape[axis]))
      continue
    const advice = path === '' ? "`pad: { '': {} }`" : `\`pad: { '${path}': {} }\``
    differs(path, at, `[${shape}], as the first one is, or padded by ${advice}`, `[${other}]`)
  }
  return { shapes, shape, padding }
}

function planLists(values: readonly unknown[], path: string, rules: PlanRules): MembersPlan {
  const { length } = values[0] as readonly unknown[]
  for (const [at, value] of values.entries()) {
    if (!Array.isArray(value) || value.length !== length)
      differs(path, at, `a list of ${length}, as the first one is`, value)
  }
  const lists = values as readonly (readonly unknown[])[]
  const members = Array.from({ length }, (_, position) => {
    const inner = lists.map((list) => list[position])
    return [String(position), planBatch(inner, below(path, String(position)), rules)] as const
  })
  return { kind: 'members', isArray: true, members }
}

function planObjects(values: readonly unknown[], path: string, rules: PlanRules): MembersPlan {
  const names = Object.keys(values[0] as object)
  for (const [at, value] of values.entries()) {
    if (!isPlainObject(value)) differs(path, at, 'an object, as the first one is', value)
    const own = Object.keys(value)
    const missing = names.find((name) => !Object.hasOwn(value, name))
    if (missing !== undefined)
      differs(path, at, `an object with \`${missing}\`, as the first one is`, own)
    const extra =
      own.length === names.length ? undefined : own.find((name) => !names.includes(name))
    if (extra !== undefined)
      differs(path, at, `an object without \`${extra}\`, as the first one is`, own)
  }
  const objects = values as readonly Record<string, unknown>[]
  const members = names.map((name) => {
    const inner = objects.map((object) => object[name])
    return [name, planBatch(inner, below(path, name), rules)] as const
  })
  return { kind: 'members', isArray: false, members }
}

function planList(values: readonly unknown[], path: string): ListPlan {
  for (const [at, value] of values.entries()) {
    const isData = typeof value === 'number' || isNdArray(value) || dtypeOf(value) !== undefined
    if (isData || Array.isArray(value) || isPlainObject(value))
      differs(path, at, 'of one kind with the first one, which is no data', value)
  }
  return { kind: 'list', values }
}

/** Whether all values are lists of numbers, or of bigints; `undefined` for other lists. */
function vectorKind(values: readonly unknown[]): 'number' | 'bigint' | undefined {
  let kind: string | undefined
  for (const list of values) {
    if (!Array.isArray(list)) return undefined
    for (const element of list) {
      kind ??= typeof element
      if (typeof element !== kind) return undefined
    }
  }
  return kind === undefined ? 'number' : kind === 'number' || kind === 'bigint' ? kind : undefined
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function memberOf(path: string): string {
  return path === '' ? '' : `.${path}`
}

/** Throws an error that names the record and its member. */
export function differs(path: string, at: number, rule: string, value: unknown): never {
  badOption(`records[${at}]${memberOf(path)}`, rule, value)
}
