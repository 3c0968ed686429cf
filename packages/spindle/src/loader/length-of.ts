import { badOption } from '../check.ts'

/**
 * Calls the user's `length` for an item.
 *
 * @throws `ERR_BAD_OPTION` if the result is not a number >= 0.
 */
export function lengthOf<T>(item: T, length: (item: T) => number, option = 'length'): number {
  const found = length(item)
  if (typeof found !== 'number' || !(found >= 0))
    badOption(option, 'a function that returns a number >= 0', found)
  return found
}
