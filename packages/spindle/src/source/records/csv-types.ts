import type { Column, ColumnMeaning } from '../column-batch.ts'

/** Types of the columns of a table. */
export type CsvType =
  | 'string'
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64'
  /** ISO 8601; without a zone, UTC. Rows have a `Date`, columns milliseconds since 1970. */
  | 'timestamp'

/** A value of a row. */
export type CsvValue = string | number | bigint | boolean | Date | null

type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** Arrays of the types that are numbers in memory. */
const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
  timestamp: BigInt64Array,
} as const

export const CSV_TYPES: readonly string[] = ['string', ...Object.keys(ARRAYS)]

/** Reads a field; `undefined` if it is no value of the type. */
export type ReadField = (text: string) => CsvValue | undefined

/** The function that reads fields of a type. Spaces around numbers are left out. */
export function readerOf(type: CsvType): ReadField {
  switch (type) {
    case 'string':
      return (text) => text
    case 'bool':
      return readBool
    case 'int64':
      return (text) => readBigInt(text, (value) => BigInt.asIntN(64, value))
    case 'uint64':
      return (text) => readBigInt(text, (value) => BigInt.asUintN(64, value))
    case 'float32':
    case 'float64':
      return readFloat
    case 'timestamp':
      return readTime
    default: {
      const bits = Number(/\d+/.exec(type)?.[0])
      const least = type.startsWith('u') ? 0 : -(2 ** (bits - 1))
      const most = least + 2 ** bits - 1
      return (text) => {
        const value = text.trim() === '' ? Number.NaN : Number(text)
        return Number.isInteger(value) && value >= least && value <= most ? value : undefined
      }
    }
  }
}

function readBool(text: string): boolean | undefined {
  if (/^\s*(?:true|t|yes|1)\s*$/i.test(text)) return true
  return /^\s*(?:false|f|no|0)\s*$/i.test(text) ? false : undefined
}

function readBigInt(text: string, wrap: (value: bigint) => bigint): bigint | undefined {
  if (!/^\s*[+-]?\d{1,40}\s*$/.test(text)) return undefined
  const value = BigInt(text.trim().replace('+', ''))
  return wrap(value) === value ? value : undefined
}

function readFloat(text: string): number | undefined {
  const value = Number(text)
  if (!Number.isNaN(value)) return text.trim() === '' ? undefined : value
  if (/^\s*nan\s*$/i.test(text)) return value
  const [, sign] = /^\s*([+-]?)inf(?:inity)?\s*$/i.exec(text) ?? []
  if (sign === undefined) return undefined
  return sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

function readTime(text: string): Date | undefined {
  const [, day, time, zone] =
    /^\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?\s*$/i.exec(
      text,
    ) ?? []
  if (day === undefined) return undefined
  const at = new Date(time === undefined ? day : `${day}T${time}${zone?.toUpperCase() ?? 'Z'}`)
  return Number.isNaN(at.getTime()) ? undefined : at
}

/** The type that all fields of a column have; `undefined` fields are null. */
export function typeOfAll(fields: readonly string[]): CsvType {
  if (fields.length === 0) return 'string'
  if (fields.every((text) => /^(?:true|false)$/i.test(text))) return 'bool'
  // A number that begins with 0 is a code, and a larger one than 2^53 would be changed.
  const isNumber = (text: string): boolean =>
    /^\s*[+-]?(?:0|[1-9]\d*|(?=\.\d))(?:\.\d*)?(?:e[+-]?\d+)?\s*$/i.test(text) &&
    (Number.isSafeInteger(Number(text)) || !Number.isInteger(Number(text)) || /[.e]/i.test(text))
  return fields.every(isNumber) ? 'float64' : 'string'
}

/** Makes a column of values. */
export class ColumnBuilder {
  readonly #type: CsvType
  readonly #texts: (string | null)[] | undefined
  readonly #numbers: Numbers | undefined
  #valid: Uint8Array | undefined
  #size: number
  #count = 0

  constructor(type: CsvType, size: number) {
    this.#type = type
    this.#size = size
    if (type === 'string') this.#texts = []
    else this.#numbers = new ARRAYS[type](size)
  }

  add(value: CsvValue): void {
    const at = this.#count++
    if (value === null) {
      this.#valid ??= new Uint8Array(this.#size).fill(1)
      this.#valid[at] = 0
    }
    if (this.#numbers === undefined) this.#texts?.push(value as string | null)
    else if (value !== null) this.#numbers[at] = this.#plain(value) as never
    else if (/^float/.test(this.#type)) this.#numbers[at] = Number.NaN as never
  }

  #plain(value: CsvValue): number | bigint {
    if (value instanceof Date) return BigInt(value.getTime())
    return typeof value === 'boolean' ? Number(value) : (value as number | bigint)
  }

  finish(): Column {
    const count = this.#count
    const valid = this.#valid && { valid: this.#valid.slice(0, count) }
    const shape = [count]
    if (this.#texts !== undefined) return { dtype: 'string', data: this.#texts, shape, ...valid }
    const all = this.#numbers as Numbers
    const data = count === all.length ? all : all.slice(0, count)
    if (this.#type !== 'timestamp')
      return { dtype: this.#type, data, shape, ...valid } as unknown as Column
    return { dtype: 'int64', data: data as BigInt64Array, shape, ...valid, meaning: TIME }
  }
}

const TIME: ColumnMeaning = { type: 'timestamp', unit: 'ms', isUtc: true }
