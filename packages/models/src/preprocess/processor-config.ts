import { SpindleError } from 'spindle/worker'

/** The contents of a `preprocessor_config.json` of Hugging Face. */
export type ProcessorConfig = Readonly<Record<string, unknown>>

/** The error of a wrong member. */
export function badConfig(name: string, rule: string, value: unknown): SpindleError {
  const shown = value === undefined ? 'nothing' : JSON.stringify(value)
  return new SpindleError(
    'ERR_BAD_OPTION',
    `\`${name}\` of the preprocessor configuration must be ${rule}, got ${shown}`,
  )
}

/** A number >= 0. @throws SpindleError `ERR_BAD_OPTION` */
export function numberOf(config: ProcessorConfig, name: string, byDefault: number): number {
  const value = config[name] ?? byDefault
  if (typeof value !== 'number' || !(value >= 0)) throw badConfig(name, 'a number >= 0', value)
  return value
}

/** One number for each channel. @throws SpindleError `ERR_BAD_OPTION` */
export function channelsOf(
  config: ProcessorConfig,
  name: string,
  byDefault: readonly number[],
): readonly number[] {
  const value = config[name] ?? byDefault
  const list = typeof value === 'number' ? [value, value, value] : value
  const isList =
    Array.isArray(list) && list.length === 3 && list.every((one) => Number.isFinite(one))
  if (!isList) throw badConfig(name, 'a number, or three of them', value)
  return list
}
