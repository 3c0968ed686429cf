import type { AnyNdArray } from '@spindle/io'
import { isArray, type ModelFeeds, type ModelInput, sizeOf } from '../base/arrays.ts'
import { itemError, modelError } from '../base/errors.ts'

/** How items become the inputs of one run. */
export interface Stacking {
  /** Whether items get a batch axis in front. If not, each run has one item, as it is. */
  readonly isBatched: boolean
  /** The value that fills up shorter arrays: of all inputs, or by input. `undefined`: none. */
  readonly pad: number | Readonly<Record<string, number>> | undefined
  /** Inputs that are the same in every run, as they are. */
  readonly constants: ModelFeeds
}

type Data = AnyNdArray['data']

/** The arrays of an item by the names of the inputs. */
export function feedsOf(input: ModelInput, names: readonly string[]): ModelFeeds {
  const feeds = isArray(input) ? { [names[0] ?? 'input']: input } : input
  for (const [name, array] of Object.entries(feeds)) checkArray(name, array)
  return feeds
}

function checkArray(name: string, array: unknown): asserts array is AnyNdArray {
  if (!isArray(array))
    throw itemError('ERR_MODEL_INPUT', `input '${name}' is no array { data, dtype, shape }`)
  if (array.data.length !== sizeOf(array.shape))
    throw itemError(
      'ERR_MODEL_INPUT',
      `input '${name}' has ${array.data.length} elements, but its shape [${array.shape.join(', ')}] has ${sizeOf(array.shape)}`,
    )
}

/** Joins the feeds of items, with the number of items as first axis. */
export function stackFeeds(items: readonly ModelFeeds[], stacking: Stacking): ModelFeeds {
  const { isBatched, pad, constants } = stacking
  const [first] = items as readonly [ModelFeeds, ...ModelFeeds[]]
  if (!isBatched) return { ...constants, ...first }
  const stacked: Record<string, AnyNdArray> = { ...constants }
  for (const name of Object.keys(first)) {
    const arrays = items.map((item) => {
      const array = item[name]
      if (array === undefined)
        throw itemError('ERR_MODEL_INPUT', `an item of the batch has no input '${name}'`)
      return array
    })
    stacked[name] = stackArrays(name, arrays, typeof pad === 'object' ? pad[name] : pad)
  }
  return stacked
}

function stackArrays(
  name: string,
  arrays: readonly AnyNdArray[],
  pad: number | undefined,
): AnyNdArray {
  const [first] = arrays as readonly [AnyNdArray, ...AnyNdArray[]]
  const { dtype } = first
  const same = (array: AnyNdArray): boolean =>
    array.dtype === dtype && array.shape.join() === first.shape.join()
  // A batch of one needs no copy.
  if (arrays.length === 1) return { ...first, shape: [1, ...first.shape] } as AnyNdArray
  if (!arrays.every(same)) return stackPadded(name, arrays, pad)
  const size = sizeOf(first.shape)
  const data = newData(first.data, size * arrays.length)
  arrays.forEach((array, i) => {
    copyInto(data, array.data, i * size)
  })
  return { data, dtype, shape: [arrays.length, ...first.shape] } as AnyNdArray
}

function stackPadded(
  name: string,
  arrays: readonly AnyNdArray[],
  pad: number | undefined,
): AnyNdArray {
  const [first] = arrays as readonly [AnyNdArray, ...AnyNdArray[]]
  const fits = (array: AnyNdArray): boolean =>
    array.dtype === first.dtype && array.shape.length === first.shape.length
  const odd = arrays.find((array) => !fits(array)) ?? arrays[1]
  if (pad === undefined || !arrays.every(fits)) {
    const shown = [first, odd].map((array) => `${array?.dtype} [${array?.shape.join(', ')}]`)
    throw itemError(
      'ERR_MODEL_INPUT',
      `input '${name}' has arrays ${shown.join(' and ')} in one batch, which cannot be stacked: let \`batch.bucketBy\` separate them, or give \`batch.pad\``,
    )
  }
  const shape = first.shape.map((_, axis) =>
    Math.max(...arrays.map((array) => array.shape[axis] as number)),
  )
  const size = sizeOf(shape)
  const data = newData(first.data, size * arrays.length)
  fill(data, pad)
  arrays.forEach((array, i) => {
    copyBlock(data, shape, i * size, array, 0, 0)
  })
  return { data, dtype: first.dtype, shape: [arrays.length, ...shape] } as AnyNdArray
}

/** Copies an array into the corner of a larger one, a row of the last axis at a time. */
function copyBlock(
  to: Data,
  shape: readonly number[],
  at: number,
  array: AnyNdArray,
  from: number,
  axis: number,
): void {
  const side = array.shape[axis] ?? 1
  if (axis >= shape.length - 1) {
    copyInto(to, array.data, at, from, from + side)
    return
  }
  const [step, stepFrom] = [sizeOf(shape.slice(axis + 1)), sizeOf(array.shape.slice(axis + 1))]
  for (let i = 0; i < side; i++)
    copyBlock(to, shape, at + i * step, array, from + i * stepFrom, axis + 1)
}

function newData(like: Data, length: number): Data {
  return new (like.constructor as new (length: number) => Data)(length)
}

function fill(data: Data, value: number): void {
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array
  ;(data as { fill(value: unknown): void }).fill(isBig ? BigInt(value) : value)
}

function copyInto(to: Data, from: Data, at: number, begin = 0, end = from.length): void {
  const part = begin === 0 && end === from.length ? from : from.subarray(begin, end)
  ;(to as unknown as { set(from: unknown, at: number): void }).set(part, at)
}

/** Splits the outputs of a run by items. Each item gets memory of its own. */
export function splitOutputs(
  outputs: ModelFeeds,
  count: number,
  isBatched: boolean,
): readonly ModelFeeds[] {
  if (!isBatched) return [outputs]
  const items = Array.from({ length: count }, (): Record<string, AnyNdArray> => ({}))
  for (const [name, { data, dtype, shape }] of Object.entries(outputs)) {
    if (shape[0] !== count)
      throw modelError(
        'ERR_MODEL_OUTPUT',
        `output '${name}' has shape [${shape.join(', ')}], whose first axis is not the batch of ${count}: leave it out by \`outputs\`, or use \`batch: false\` if the model takes one item as it is`,
      )
    const rest = shape.slice(1)
    const size = sizeOf(rest)
    items.forEach((item, i) => {
      const part = count === 1 ? data : data.slice(i * size, (i + 1) * size)
      item[name] = { data: part, dtype, shape: rest } as AnyNdArray
    })
  }
  return items
}
