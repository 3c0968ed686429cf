import {
  choice,
  integer,
  is,
  type Options,
  options,
  type Rule,
  type Together,
} from 'spindle/options'
import { MediaError } from './errors.ts'

/** Declares the options of a function, whose errors are `MediaError`. See `options()`. */
export function mediaOptions<D extends Options['rules']>(
  name: string,
  rules: D,
  together?: Together<D>,
): Options<D> {
  return options(name, rules, MediaError, together)
}

/** The rule of a limit: an integer >= 1, or `Infinity`. */
export function limit(byDefault: number): Rule<number, 'always'> {
  return integer({ min: 1, orInfinity: true, default: byDefault })
}

/** The rule of `backend`. */
export const backendRule: Rule<'ffmpeg' | 'sharp', 'maybe'> = choice(['ffmpeg', 'sharp'])

/** The rule of `stream`, the number of a stream of a file. */
export const streamRule: Rule<number, 'maybe'> = integer({ min: 0, max: 0xffff })

/** The rule of options by FFmpeg's names: texts by name. */
export const stringsRule: Rule<Readonly<Record<string, string>>, 'maybe'> = is(
  'an object of strings',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string'),
)
