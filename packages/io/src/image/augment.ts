import type { Rng } from 'spindle'
import { boolean, either, group, is, number, type Rule, type Rules } from 'spindle/options'
import { badOption } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
import { mediaOptions } from '../base/options.ts'
import { compose, type Orientation, type Part } from './orientation.ts'

/**
 * Random changes to a picture. What is drawn depends on the generator alone, so a seeded one gives
 * the same again.
 */
export interface AugmentOptions {
  /**
   * A random part of the picture in place of the whole: its share of the area is drawn from `area`,
   * its width divided by its height from `aspect`, logarithmically; made smaller where it would not
   * fit, at a random place. `true` is `{ area: [0.08, 1], aspect: [3 / 4, 4 / 3] }` (Szegedy et
   * al., Going deeper with convolutions, 2014). `{ area: [1, 1], aspect: [1, 1] }` is the largest
   * square, at a random place.
   */
  readonly crop?:
    | boolean
    | { readonly area?: readonly [number, number]; readonly aspect?: readonly [number, number] }
  /** Probability that left and right change places, 0..1. Default 0. */
  readonly flipHorizontal?: number
  /** Probability that top and bottom change places, 0..1. Default 0. */
  readonly flipVertical?: number
  /** A random number of quarter turns, before anything else. Default `false`. */
  readonly quarterTurns?: boolean
  /**
   * The picture is turned about its centre by an angle from `-rotate` to `rotate` degrees, 0..180;
   * its corners become black. Default 0.
   */
  readonly rotate?: number
}

/**
 * What was drawn for one picture: plain numbers, so that they can be drawn where the generator is
 * and used in another thread.
 */
export interface Augmentation {
  /** The part: share of the area, width divided by height, and place, 0..1 from left and top. */
  readonly part:
    | { readonly area: number; readonly aspect: number; readonly x: number; readonly y: number }
    | undefined
  /** How it is turned and mirrored, as an orientation. */
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

/** Draws what happens to the next picture. */
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

/** Where a drawn part lies in a picture of that size. */
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
