import { badOption, checkCount, checkOptions } from '../../check.ts'

/**
 * Checks `seed` and `epoch`, and that there are no options besides `names`.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function checkOrderOptions(
  options: { readonly seed?: number; readonly epoch?: number },
  names: readonly string[],
): void {
  checkOptions(options, names)
  const { seed, epoch } = options
  if (seed !== undefined) checkSeed(seed)
  if (epoch !== undefined) checkCount('epoch', epoch)
}

/** @throws `ERR_BAD_OPTION` unless it is an integer of at most 53 bits */
export function checkSeed(seed: unknown): void {
  if (!Number.isSafeInteger(seed))
    badOption('seed', 'an integer from -(2^53 - 1) to 2^53 - 1', seed)
}
