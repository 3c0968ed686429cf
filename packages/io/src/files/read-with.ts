import { checkSignal } from '../base/check.ts'
import { withSource } from '../base/errors.ts'
import { openReader } from './open-reader.ts'
import { placed } from './placed.ts'
import { type OpenReader, type OpenSyncReader, openReaderSync } from './reader.ts'
import { type Reader, type Routine, run, runSync } from './routine.ts'
import { describeSource, type MediaSource } from './source.ts'
import { fetchingOf, type UrlOptions } from './url-options.ts'

/** What a routine reads: it is open already. */
type RoutineOf<T> = (reader: Reader) => Routine<T>

/** A source that is open, and what a routine has read of it. */
export interface Opened<T, R> {
  readonly reader: R
  readonly value: T
}

/**
 * Opens a source, which is the caller's to close, and has a routine read it; where that fails it is
 * closed. Errors name the source.
 *
 * @throws MediaError `ERR_BAD_OPTION` for the options of fetching; `ERR_READ`; what the routine
 *   throws; the signal's reason, when aborted
 */
export async function openWith<T>(
  source: MediaSource,
  options: UrlOptions & { readonly signal?: AbortSignal },
  routineOf: RoutineOf<T>,
): Promise<Opened<T, OpenReader>> {
  const { signal } = options
  checkSignal(signal)
  const at = placed(source, options)
  const fetching = fetchingOf(at.options)
  signal?.throwIfAborted()
  try {
    const reader = await openReader(at.source, fetching)
    try {
      return { reader, value: await run(routineOf(reader), { reader }, signal) }
    } catch (error) {
      await reader.close()
      throw error
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw withSource(error, describeSource(at.source))
  }
}

/** {@link openWith} of what can be read at once, done when it returns. */
export function openWithSync<T>(
  source: MediaSource,
  routineOf: RoutineOf<T>,
): Opened<T, OpenSyncReader> {
  const reader = openReaderSync(source)
  try {
    return { reader, value: runSync(routineOf(reader), { reader }) }
  } catch (error) {
    reader.close()
    throw withSource(error, describeSource(source))
  }
}

/** {@link openWith}, and closes it. */
export async function readWith<T>(
  source: MediaSource,
  options: UrlOptions & { readonly signal?: AbortSignal },
  routineOf: RoutineOf<T>,
): Promise<T> {
  const { reader, value } = await openWith(source, options, routineOf)
  await reader.close()
  return value
}

/** {@link openWithSync}, and closes it. */
export function readWithSync<T>(source: MediaSource, routineOf: RoutineOf<T>): T {
  const { reader, value } = openWithSync(source, routineOf)
  reader.close()
  return value
}
