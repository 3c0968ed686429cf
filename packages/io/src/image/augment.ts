import type { Rng } from 'spindle'
import { boolean, either, group, is, number, type Rule, type Rules } from 'spindle/options'
import { badOption } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
import { mediaOptions } from '../base/options.ts'
import { compose, type Orientation, type Part } from './orientation.ts'

/**
 * Random changes to a picture. They depend only on the random generator, so the same seed gives the
 * same changes.
 */
export interface AugmentOptions {
  /**
   * Takes a random part of the picture instead of the whole. Its share of the area is drawn from
   * `area`, its ratio of width to height from `aspect`, logarithmically. The part is made smaller
   * if it does not fit, and has a random place. `true` is `{ area: [0.08, 1], aspect: [3 / 4, 4 /
   * 3] }` (Szegedy et al., Going deeper with convolutions, 2014). `{ area: [1, 1], aspect: [1, 1]
   * }` is the largest square, at a random place. Default: the whole picture.
   */
  readonly crop?:
    | boolean
    | { readonly area?: readonly [number, number]; readonly aspect?: readonly [number, number] }
  /** Probability of mirroring left and right, 0..1. Default 0. */
  readonly flipHorizontal?: number
  /** Probability of mirroring top and bottom, 0..1. Default 0. */
  readonly flipVertical?: number
  /** Whether the picture is first turned by a random number of quarter turns. Default `false`. */
  readonly quarterTurns?: boolean
  /**
   * Largest angle of a random rotation about the centre, in degrees, 0..180: the angle is drawn
   * from `-rotate` to `rotate`. The corners become black. Default 0.
   */
  readonly rotate?: number
}

/**
 * The random choices for one picture, as plain numbers: they can be drawn in one thread and used in
 * another.
 */
export interface Augmentation {
  /** The part: share of the area, ratio of width to height, and place, 0..1 from left and top. */
  readonly part:
    | { readonly area: number; readonly aspect: number; readonly x: number; readonly y: number }
    | undefined
  /** Turns and mirroring, as an orientation. */
  readonly turned: Orientation
  readonly degrees: number
}

const CROP = { area: [0.08, 1], aspect: [3 / 4, 4 / 3] } as const

const share = number({ min: 0, max: 1, default: 0 })

const cropOptions = mediaOptions('AugmentOptions.crop', {
  area: is('two numbers, the first no larger, > 0 and <= 1', (value) => isRange(value, 1)),
  aspect: is('two numbers, the first no larger, > 0 and <= 1000', (value) => isRange(value, 1000)),
} satisfies Rules<Extract<AugmentOptions['crop'], object>>)

/** The rule of `augment`. */
export const augmentRule: Rule<AugmentOptions, 'maybe'> = group(
  mediaOptions('AugmentOptions', {
    crop: either(
      is('true, false or { area, aspect }', (value) => typeof value === 'boolean'),
      cropOptions,
    ),
    flipHorizontal: share,
    flipVertical: share,
    quarterTurns: boolean({ default: false }),
    rotate: number({ min: 0, max: 180, default: 0, unit: 'degrees' }),
  } satisfies Rules<AugmentOptions>),
)

/** @throws MediaError `ERR_BAD_OPTION` unless it is a generator for `augment` */
export function checkAugmentRng(rng: Rng | undefined): void {
  if (typeof rng?.next !== 'function')
    throw badOption('rng', 'given with `augment`: an Rng, as `context.rng` is', rng)
}

/** Draws the changes of the next picture. */
export function draw(augment: AugmentOptions, rng: Rng): Augmentation {
  const {
    crop = false,
    flipHorizontal = 0,
    flipVertical = 0,
    quarterTurns = false,
    rotate = 0,
  } = augment
  let part: Augmentation['part']
  if (crop !== false) {
    const { area = CROP.area, aspect = CROP.aspect } = crop === true ? CROP : crop
    const [low, high] = [Math.log(aspect[0]), Math.log(aspect[1])]
    part = {
      area: area[0] + (area[1] - area[0]) * rng.next(),
      aspect: Math.exp(low + (high - low) * rng.next()),
      x: rng.next(),
      y: rng.next(),
    }
  }
  let turned: Orientation = quarterTurns ? rng.pick([1, 6, 3, 8]) : 1
  if (flipHorizontal > 0 && rng.next() < flipHorizontal) turned = compose(turned, 2)
  if (flipVertical > 0 && rng.next() < flipVertical) turned = compose(turned, 4)
  const degrees = rotate > 0 ? (2 * rng.next() - 1) * rotate : 0
  return { part, turned, degrees }
}

/** The position of a drawn part in a picture of that size. */
export function partOf(
  { width, height }: Size,
  { area, aspect, x, y }: NonNullable<Augmentation['part']>,
): Part {
  let wide = Math.sqrt(area * width * height * aspect)
  let high = wide / aspect
  const shrink = Math.min(1, width / wide, height / high)
  wide *= shrink
  high *= shrink
  return {
    left: ((width - wide) * x) / width,
    top: ((height - high) * y) / height,
    width: wide / width,
    height: high / height,
  }
}

function isRange(value: unknown, max: number): boolean {
  const [low, high] =
    Array.isArray(value) && value.length === 2 ? (value as [number, number]) : [0, 0]
  return low > 0 && low <= high && high <= max
}
