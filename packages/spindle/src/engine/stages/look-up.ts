import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'

/**
 * The function of a stage whose op is a table. It returns the value at an item, which is a key or a
 * position.
 */
export function lookUp(
  table: ReadonlyMap<unknown, unknown> | ArrayLike<unknown>,
): (key: unknown) => unknown {
  if (table instanceof Map) {
    return (key) => {
      const value: unknown = table.get(key)
      if (value === undefined && !table.has(key))
        throw new SpindleError('ERR_LOOKUP', `the Map has no key ${show(key)}`)
      return value
    }
  }
  const list = table as ArrayLike<unknown>
  return (position) => {
    const isThere =
      typeof position === 'number' &&
      Number.isInteger(position) &&
      position >= 0 &&
      position < list.length
    if (!isThere) {
      throw new SpindleError(
        'ERR_LOOKUP',
        `the array of ${list.length} has no position ${show(position)}`,
      )
    }
    return list[position]
  }
}
