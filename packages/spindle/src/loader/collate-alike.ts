import { isPlainObject } from '../plain-object.ts'
import {
  constructors,
  type Data,
  type DataConstructor,
  type DType,
  dtypeOf,
  isBigInt,
  isNdArray,
  type NdArray,
} from './array.ts'
import type { BatchMemory } from './batch-memory.ts'
import type { NumberDType } from './collated.ts'
import { elementsIn } from './place-array.ts'

// The short way of `collate()`, for records that are all like the first one. A layout is made of
// the first record, and the others are checked while they are copied, one column after the other,
// without lists of values. At the first difference it gives up: `batch-plan.ts` then decides
// whether the records can be collated, and says what is wrong with them.

/** What one path of the records becomes, by the first record. */
export type Layout = ArrayLayout | ListLayout | ObjectLayout

interface ArrayLayout {
  readonly kind: 'view' | 'array' | 'number' | 'bigint' | 'boolean' | 'numbers'
  readonly dtype: DType
  readonly Data: DataConstructor
  /** The prototype of each record's typed array. */
  readonly prototype: unknown
  /** Shape of each record's part. */
  readonly shape: readonly number[]
  /** Number of elements of each record's part. */
  readonly size: number
}

interface ListLayout {
  readonly kind: 'list'
}

interface ObjectLayout {
  readonly kind: 'object'
  readonly names: readonly string[]
  readonly members: readonly Layout[]
}

/** The dtypes of numbers. */
export interface NumberRules {
  readonly numbers: NumberDType
  readonly dtypes: Readonly<Record<string, NumberDType>>
}

/** The layout of records like this one. `undefined` if they cannot go the short way. */
export function layoutOf(value: unknown, path: string, rules: NumberRules): Layout | undefined {
  if (isNdArray(value)) return arrayLayout(value)
  if (ArrayBuffer.isView(value)) return viewLayout('view', value as Data, dtypeOf(value))
  switch (typeof value) {
    case 'number':
      return numberLayout('number', dtypeAt(path, rules), [])
    case 'bigint':
      return numberLayout('bigint', 'int64', [])
    case 'boolean':
      return numberLayout('boolean', 'bool', [])
    case 'string':
    case 'undefined':
      return { kind: 'list' }
    case 'object':
      if (value === null) return { kind: 'list' }
      if (Array.isArray(value))
        return value.length > 0 && value.every((element) => typeof element === 'number')
          ? numberLayout('numbers', dtypeAt(path, rules), [value.length])
          : undefined
      return isPlainObject(value) ? objectLayout(value, path, rules) : undefined
    default:
      return undefined
  }
}

function dtypeAt(path: string, { numbers, dtypes }: NumberRules): NumberDType {
  return Object.hasOwn(dtypes, path) ? (dtypes[path] as NumberDType) : numbers
}

function arrayLayout({ data, dtype, shape }: NdArray): Layout | undefined {
  const isSound =
    Object.hasOwn(constructors, dtype) &&
    shape.every((length) => Number.isSafeInteger(length) && length >= 0) &&
    data.length === elementsIn(shape) &&
    constructors[dtype] === constructors[dtypeOf(data) ?? 'uint8']
  return isSound ? viewLayout('array', data, dtype, [...shape]) : undefined
}

function viewLayout(
  kind: 'view' | 'array',
  data: Data,
  dtype: DType | undefined,
  shape: readonly number[] = [data.length],
): Layout | undefined {
  // Half precision is stored in two ways, which do not mix.
  if (dtype === undefined || dtype === 'float16') return undefined
  const prototype: unknown = Object.getPrototypeOf(data)
  return { kind, dtype, Data: constructors[dtype], prototype, shape, size: data.length }
}

function numberLayout(
  kind: 'number' | 'bigint' | 'boolean' | 'numbers',
  dtype: DType,
  shape: readonly number[],
): Layout {
  const size = shape[0] ?? 1
  return { kind, dtype, Data: constructors[dtype], prototype: undefined, shape, size }
}

function objectLayout(value: object, path: string, rules: NumberRules): Layout | undefined {
  const names = Object.keys(value)
  const members: Layout[] = []
  for (const name of names) {
    // An assignment would not make a member of it.
    if (name === '__proto__') return undefined
    const inner = (value as Record<string, unknown>)[name]
    const member = layoutOf(inner, path === '' ? name : `${path}.${name}`, rules)
    if (member === undefined) return undefined
    members.push(member)
  }
  return { kind: 'object', names, members }
}

/** Whether a layout has a path. */
export function hasPath(layout: Layout, path: string): boolean {
  if (path === '') return true
  if (layout.kind !== 'object') return false
  return layout.names.some((name, i) => {
    const member = layout.members[i] as Layout
    return (
      path === name || (path.startsWith(`${name}.`) && hasPath(member, path.slice(name.length + 1)))
    )
  })
}

/** Bytes of each array, in the order in which the arrays are made. */
export function sizesOf(layout: Layout, count: number): number[] {
  if (layout.kind === 'list') return []
  if (layout.kind === 'object') return layout.members.flatMap((member) => sizesOf(member, count))
  return [count * layout.size * layout.Data.BYTES_PER_ELEMENT]
}

/** Marks a batch that could not be made, because a record differs from the first one. */
export const UNLIKE: unique symbol = Symbol('unlike')

/**
 * Makes the batch of records, or of their members called `name`. The result is `UNLIKE` if one of
 * them differs from the layout.
 */
export function batchAlike(
  layout: Layout,
  records: readonly unknown[],
  name: string | undefined,
  memory: BatchMemory,
): unknown {
  switch (layout.kind) {
    case 'list':
      return listOf(records, name)
    case 'object':
      return objectOf(layout, records, name, memory)
    default: {
      const { Data, size, dtype, shape } = layout
      const data = memory.take(Data, records.length * size)
      if (!copyAll(layout, records, name, data)) return UNLIKE
      return { data, dtype, shape: [records.length, ...shape] }
    }
  }
}

function copyAll(
  layout: ArrayLayout,
  records: readonly unknown[],
  name: string | undefined,
  to: Data,
): boolean {
  switch (layout.kind) {
    case 'view':
      return copyViews(layout, records, name, to)
    case 'array':
      return copyArrays(layout, records, name, to)
    case 'numbers':
      return copyLists(layout, records, name, to)
    default:
      return copyScalars(layout, records, name, to)
  }
}

type Members = Record<string, unknown>

function copyViews(
  { prototype, size }: ArrayLayout,
  records: readonly unknown[],
  name: string | undefined,
  to: Data,
): boolean {
  let at = 0
  for (let i = 0; i < records.length; i++) {
    const value = name === undefined ? records[i] : (records[i] as Members)[name]
    if (!ArrayBuffer.isView(value) || Object.getPrototypeOf(value) !== prototype) return false
    if ((value as Data).length !== size) return false
    ;(to as Uint8Array).set(value as Uint8Array, at)
    at += size
  }
  return true
}

function copyArrays(
  { prototype, dtype, shape, size }: ArrayLayout,
  records: readonly unknown[],
  name: string | undefined,
  to: Data,
): boolean {
  let at = 0
  for (let i = 0; i < records.length; i++) {
    const value = name === undefined ? records[i] : (records[i] as Members)[name]
    if (!isNdArray(value) || value.dtype !== dtype || value.shape.length !== shape.length)
      return false
    for (let axis = 0; axis < shape.length; axis++)
      if (value.shape[axis] !== shape[axis]) return false
    const { data } = value
    if (Object.getPrototypeOf(data) !== prototype || data.length !== size) return false
    ;(to as Uint8Array).set(data as Uint8Array, at)
    at += size
  }
  return true
}

function copyScalars(
  { kind, dtype }: ArrayLayout,
  records: readonly unknown[],
  name: string | undefined,
  to: Data,
): boolean {
  const place = placerOf(dtype)
  for (let i = 0; i < records.length; i++) {
    const value = name === undefined ? records[i] : (records[i] as Members)[name]
    if (typeof value !== kind || !place(to, i, value as number)) return false
  }
  return true
}

function copyLists(
  { dtype, size }: ArrayLayout,
  records: readonly unknown[],
  name: string | undefined,
  to: Data,
): boolean {
  const place = placerOf(dtype)
  for (let i = 0; i < records.length; i++) {
    const value = name === undefined ? records[i] : (records[i] as Members)[name]
    if (!Array.isArray(value) || value.length !== size) return false
    for (let k = 0; k < size; k++) {
      const element: unknown = value[k]
      if (typeof element !== 'number' || !place(to, i * size + k, element)) return false
    }
  }
  return true
}

/** Stores a number, and says whether the dtype can hold it. */
type Place = (to: Data, at: number, value: number | bigint | boolean) => boolean

function placerOf(dtype: DType): Place {
  if (dtype === 'float64') return placeFloat
  if (dtype === 'float32') return placeFloat32
  return isBigInt(dtype) ? placeBig : placeInteger
}

const placeFloat: Place = (to, at, value) => {
  to[at] = value as number
  return true
}

/** Floats may be rounded, but must not become infinite. */
const placeFloat32: Place = (to, at, value) => {
  to[at] = value as number
  return Number.isFinite(to[at]) || !Number.isFinite(value)
}

const placeBig: Place = (to, at, value) => {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return false
  to[at] = BigInt(value) as never
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value
  return to[at] == (value as never)
}

const placeInteger: Place = (to, at, value) => {
  to[at] = Number(value)
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a boolean of the same value
  return to[at] == (value as never)
}

function listOf(records: readonly unknown[], name: string | undefined): unknown {
  const values: unknown[] = new Array(records.length)
  for (let i = 0; i < records.length; i++) {
    const value = name === undefined ? records[i] : (records[i] as Members)[name]
    if (typeof value !== 'string' && value !== undefined && value !== null) return UNLIKE
    values[i] = value
  }
  return values
}

function objectOf(
  { names, members }: ObjectLayout,
  records: readonly unknown[],
  name: string | undefined,
  memory: BatchMemory,
): unknown {
  const objects = name === undefined ? records : records.map((record) => (record as Members)[name])
  for (const object of objects) if (!hasNames(object, names)) return UNLIKE
  const batch: Members = {}
  for (let i = 0; i < names.length; i++) {
    const member = names[i] as string
    const made = batchAlike(members[i] as Layout, objects, member, memory)
    if (made === UNLIKE) return UNLIKE
    batch[member] = made
  }
  return batch
}

/** Whether a value is a plain object with these members, in this order. */
function hasNames(value: unknown, names: readonly string[]): boolean {
  if (!isPlainObject(value)) return false
  let count = 0
  // Unlike `Object.keys()`, this makes no list. An inherited name makes it give up.
  for (const name in value) if (name !== names[count++]) return false
  return count === names.length
}
