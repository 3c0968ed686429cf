import { badOption } from '../check.ts'
import { SpindleError } from '../errors.ts'
import { choice, is, options, type Rules } from '../options/index.ts'

/** How arrays of different shapes become equal: each axis is padded to the longest. */
export interface PadOptions {
  /** Value of the padding; for int64 a whole number or a bigint. Default 0. */
  readonly value?: number | bigint
  /** On which side the padding is, on each axis. Default `'right'`. */
  readonly side?: 'right' | 'left'
  /**
   * Length of the first axis, or a list with the length of each axis, integers >= 0. Longer arrays
   * are an error. Default: the longest of the batch.
   */
  readonly length?: number | readonly number[]
  /**
   * The length of the first axis, or of each axis if a list, is rounded up to a multiple of this,
   * an integer >= 1. Default 1.
   */
  readonly multipleOf?: number | readonly number[]
  /**
   * Name of a mask to add beside the array: int64, [batch, length], 1 where the first axis has
   * data, 0 where it is padding. Default: none.
   */
  readonly mask?: string
}

const padOptions = options('PadOptions', {
  value: is('a number or a bigint', (value) => /^(number|bigint)$/.test(typeof value), {
    default: 0,
  }),
  side: choice(['right', 'left'], { default: 'right' }),
  length: is('an integer >= 0, or an array of them', (value) => areIntegers(value, 0)),
  multipleOf: is('an integer >= 1, or an array of them', (value) => areIntegers(value, 1)),
  mask: is('the name of a member', (value) => typeof value === 'string' && value !== ''),
} satisfies Rules<PadOptions>)

function areIntegers(value: unknown, minimum: number): boolean {
  return asList(value).every((each) => Number.isInteger(each) && (each as number) >= minimum)
}

function asList<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (Array.isArray(value)) return value as readonly T[]
  return value === undefined ? [] : [value as T]
}

/** Padding options after the checks. */
export interface Padding {
  readonly value: number | bigint
  readonly isLeft: boolean
  readonly lengths: readonly number[]
  readonly multiples: readonly number[]
  readonly mask: string | undefined
}

/** @throws `ERR_BAD_OPTION` */
export function checkPadding(options: PadOptions, path: string): Padding {
  const name = path === '' ? 'pad' : `pad.${path}`
  const { value, side, length, multipleOf, mask } = padOptions.check(options, undefined, name)
  return {
    value,
    isLeft: side === 'left',
    lengths: asList(length),
    multiples: asList(multipleOf),
    mask,
  }
}

/**
 * The shape of all arrays after padding.
 *
 * @throws `ERR_BAD_OPTION` for different ranks, `ERR_TOO_LARGE` for an array that is too long.
 */
export function paddedShape(
  shapes: readonly (readonly number[])[],
  padding: Padding,
  path: string,
): number[] {
  const padded = [...(shapes[0] as readonly number[])]
  for (const [at, shape] of shapes.entries()) {
    if (shape.length !== padded.length)
      badOption(
        `records[${at}]${path}`,
        `of rank ${padded.length}, as the first one is`,
        `[${shape}]`,
      )
    for (let axis = 0; axis < shape.length; axis++)
      padded[axis] = Math.max(padded[axis] as number, shape[axis] as number)
  }
  return padded.map((longest, axis) => {
    const length = padding.lengths[axis] ?? longest
    if (longest > length) throw tooLong(path, axis, longest, length)
    const multiple = padding.multiples[axis] ?? 1
    return Math.ceil(length / multiple) * multiple
  })
}

function tooLong(path: string, axis: number, longest: number, length: number): SpindleError {
  return new SpindleError(
    'ERR_TOO_LARGE',
    `${path === '' ? 'an array' : path.slice(1)} has length ${longest} on axis ${axis}, above the \`length\` ${length} to pad to: cut such ones before, or raise it`,
  )
}
