import type { AnyNdArray } from '@spindle/io'

/** What a model takes for one item: arrays by the names of its inputs. */
export type ModelFeeds = Readonly<Record<string, AnyNdArray>>

/** One item of a model: an array for its only (or first) input, or arrays by input names. */
export type ModelInput = AnyNdArray | ModelFeeds

/** Whether a value is an array with a shape. */
export function isArray(value: unknown): value is AnyNdArray {
  if (typeof value !== 'object' || value === null) return false
  const { data, shape } = value as { readonly data?: unknown; readonly shape?: unknown }
  return ArrayBuffer.isView(data) && Array.isArray(shape)
}

/** The arrays of one item. Empty if it is no item of arrays. */
export function arraysOf(input: unknown): readonly AnyNdArray[] {
  if (isArray(input)) return [input]
  if (typeof input !== 'object' || input === null || ArrayBuffer.isView(input)) return []
  return Object.values(input).filter(isArray)
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}

/** Whether an array has lost its memory to another thread. */
export function isEmptied({ data, shape }: AnyNdArray): boolean {
  return data.length === 0 && sizeOf(shape) > 0
}

/** A text that is the same for items whose arrays can be stacked. */
export function shapeKey(input: unknown): string {
  if (isArray(input)) return `${input.dtype}[${input.shape.join(',')}]`
  if (typeof input !== 'object' || input === null || ArrayBuffer.isView(input)) return ''
  return Object.entries(input)
    .map(([name, value]) => (isArray(value) ? `${name}:${shapeKey(value)}` : ''))
    .join(' ')
}
