import { checkBoolean, checkKnown, checkOneOf, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'

/** Options of `TarIndex.open`. */
export interface TarIndexOptions extends UrlOptions {
  /**
   * Where the index is kept: a path or `file:` URL; for an archive at a URL also an `http:` or
   * `https:` one, which is only read. Default: the path of the archive with `.index.json` after it,
   * where the archive is a file, if that can be written; otherwise nowhere. `false`: nowhere.
   */
  readonly indexFile?: string | URL | false
  /**
   * What happens when there is an index that does not belong to the archive as it is now (its size
   * or time is another), or that is damaged: `'rebuild'` (default) makes it anew, `'refuse'` fails
   * with `ERR_STALE_INDEX`.
   */
  readonly ifStale?: 'rebuild' | 'refuse'
  /** As in `iterateTar`. Default false. */
  readonly concatenated?: boolean
  /** As in `iterateTar`. Default false. */
  readonly requireEndMarker?: boolean
  /** Gives up opening: rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Checks options. @throws MediaError `ERR_BAD_OPTION` */
export function checkTarIndexOptions(options: TarIndexOptions, ...alsoKnown: 'signal'[]): void {
  const fetched = alsoKnown.includes('signal') ? URL_OPTIONS : []
  checkKnown(
    options,
    ['indexFile', 'ifStale', 'concatenated', 'requireEndMarker', ...alsoKnown],
    fetched,
  )
  const {
    indexFile,
    ifStale = 'rebuild',
    concatenated = false,
    requireEndMarker = false,
    signal,
  } = options
  const isPlace = (typeof indexFile === 'string' && indexFile !== '') || indexFile instanceof URL
  if (indexFile !== undefined && indexFile !== false && !isPlace)
    throw badOption('indexFile', 'a path, a URL or false', indexFile)
  checkOneOf('ifStale', ifStale, ['rebuild', 'refuse'])
  checkBoolean('concatenated', concatenated)
  checkBoolean('requireEndMarker', requireEndMarker)
  checkSignal(signal)
  fetchingOf(options)
}
