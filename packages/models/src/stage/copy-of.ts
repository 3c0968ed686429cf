import { SpindleError } from 'spindle'

/** A copy of settings. @throws SpindleError `ERR_NOT_TRANSFERABLE` if workers cannot get them */
export function copyOf<V>(value: V): V {
  try {
    return structuredClone(value)
  } catch (error) {
    throw new SpindleError(
      'ERR_NOT_TRANSFERABLE',
      `the settings of a model must be cloneable, because workers get them: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
