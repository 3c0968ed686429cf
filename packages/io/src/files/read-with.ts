import { checkSignal } from '../base/check.ts'
import { withSource } from '../base/errors.ts'
import { openReader } from './open-reader.ts'
import { openReaderSync } from './reader.ts'
import { type Reader, type Routine, run, runSync } from './routine.ts'
import { describeSource, type MediaSource } from './source.ts'
import { fetchingOf, type UrlOptions } from './url-options.ts'

/**
 * Opens a source, reads it with a routine, and closes it. Errors name the source.
 *
 * @throws MediaError `ERR_BAD_OPTION` for the options of fetching; `ERR_READ`; the errors of the
 *   routine; the signal's reason if it is aborted
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

/** The synchronous form of {@link readWith}. */
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
