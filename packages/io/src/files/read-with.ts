import { checkSignal } from '../base/check.ts'
import { withSource } from '../base/errors.ts'
import { openReader } from './open-reader.ts'
import { openReaderSync } from './reader.ts'
import { type Reader, type Routine, run, runSync } from './routine.ts'
import { describeSource, type MediaSource } from './source.ts'
import { fetchingOf, type UrlOptions } from './url-options.ts'

/**
 * Opens a source, has a routine read it, and closes it. Errors name the source.
 *
 * @throws MediaError `ERR_BAD_OPTION` for the options of fetching; `ERR_READ`; what the routine
 *   throws; the signal's reason, when aborted
 */
export async function readWith<T>(
  source: MediaSource,
  options: UrlOptions & { readonly signal?: AbortSignal },
  routineOf: (reader: Reader) => Routine<T>,
): Promise<T> {
  const { signal } = options
  checkSignal(signal)
  const fetching = fetchingOf(options)
  signal?.throwIfAborted()
  try {
    const reader = await openReader(source, fetching)
    try {
      return await run(routineOf(reader), { reader }, signal)
    } finally {
      await reader.close()
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw withSource(error, describeSource(source))
  }
}

/** {@link readWith}, done when it returns. */
export function readWithSync<T>(source: MediaSource, routineOf: (reader: Reader) => Routine<T>): T {
  const reader = openReaderSync(source)
  try {
    return runSync(routineOf(reader), { reader })
  } catch (error) {
    throw withSource(error, describeSource(source))
  } finally {
    reader.close()
  }
}
