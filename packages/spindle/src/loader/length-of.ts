import { badOption } from '../check.ts'

/** What a user's `length` says of an item. @throws `ERR_BAD_OPTION` if that is no number >= 0. */
export function lengthOf<T>(item: T, length: (item: T) => number, option = 'length'): number {
  const found = length(item)
  if (typeof found !== 'number' || !(found >= 0))
    badOption(option, 'a function that returns a number >= 0', found)
  return found
}
