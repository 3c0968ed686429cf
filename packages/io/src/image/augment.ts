import type { Rng } from 'spindle'
import { badOption } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
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

/** @throws MediaError `ERR_BAD_OPTION` */
export function checkAugment(augment: AugmentOptions, rng: Rng | undefined): void {
  if (typeof augment !== 'object' || augment === null)
    throw badOption('augment', 'an object', augment)
  const known = ['crop', 'flipHorizontal', 'flipVertical', 'quarterTurns', 'rotate']
  for (const name of Object.keys(augment)) {
    if (!known.includes(name)) throw badOption('augment', `made of ${known.join(', ')}`, name)
  }
  const {
    crop = false,
    flipHorizontal = 0,
    flipVertical = 0,
    quarterTurns = false,
    rotate = 0,
  } = augment
  if (typeof crop === 'object' && crop !== null) {
    checkRange('augment.crop.area', crop.area ?? CROP.area, 1)
    checkRange('augment.crop.aspect', crop.aspect ?? CROP.aspect, 1000)
  } else if (typeof crop !== 'boolean')
    throw badOption('augment.crop', 'true, false or { area, aspect }', crop)
  checkNumber('augment.flipHorizontal', flipHorizontal, 1)
  checkNumber('augment.flipVertical', flipVertical, 1)
  checkNumber('augment.rotate', rotate, 180)
  if (typeof quarterTurns !== 'boolean')
    throw badOption('augment.quarterTurns', 'true or false', quarterTurns)
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

function checkRange(name: string, value: unknown, max: number): void {
  const [low, high] =
    Array.isArray(value) && value.length === 2 ? (value as [number, number]) : [0, 0]
  if (low > 0 && low <= high && high <= max) return
  throw badOption(name, `two numbers, the first no larger, > 0 and <= ${max}`, value)
}

function checkNumber(name: string, value: unknown, max: number): void {
  if (typeof value !== 'number' || !(value >= 0 && value <= max)) {
    throw badOption(name, `a number from 0 to ${max}`, value)
  }
}
