import { checkBoolean, checkKnown, checkOneOf, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'

/** Options of `TarIndex.open`. */
export interface TarIndexOptions extends UrlOptions {
  /**
   * Where the index is saved: a path or `file:` URL. For an archive at a URL it may also be an
   * `http:` or `https:` URL, which is only read. `false` saves none. Default: for a file, the path
   * of the archive plus `.index.json`, if it is writable; otherwise none.
   */
  readonly indexFile?: string | URL | false
  /**
   * What happens if a saved index is damaged or belongs to another state of the archive (another
   * size or time). `'rebuild'` (default) builds it again, `'refuse'` fails with `ERR_STALE_INDEX`.
   */
  readonly ifStale?: 'rebuild' | 'refuse'
  /** As in `iterateTar`. Default false. */
  readonly concatenated?: boolean
  /** As in `iterateTar`. Default false. */
  readonly requireEndMarker?: boolean
  /** Aborts `open`: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Checks options.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
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
