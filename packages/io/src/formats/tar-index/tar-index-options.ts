import { boolean, choice, is, type Rules, signal } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'

/** Options of `TarIndex.open`. */
export interface TarIndexOptions extends UrlOptions {
  /**
   * Where the index is kept: a path or `file:` URL. For an archive at a URL it may also be an
   * `http:` or `https:` URL, which is only read. `false` keeps none. Default: the path or the URL
   * of the archive plus `.index.json`, if it is writable; at a URL it is only read, so an index
   * that was published beside the archive saves a download.
   */
  readonly indexFile?: string | URL | false
  /**
   * What happens if a saved index is damaged or belongs to an archive of other content. `'rebuild'`
   * (default) builds it again, `'refuse'` fails with `ERR_STALE_INDEX`. An archive has the same
   * content if it was not touched, or if size and headers are the same (at a URL: size, both ends
   * and the headers of 16 members). So copies of archive and index fit each other anywhere.
   */
  readonly ifStale?: 'rebuild' | 'refuse'
  /** As in `iterateTar`. Default false. */
  readonly concatenated?: boolean
  /** As in `iterateTar`. Default false. */
  readonly requireEndMarker?: boolean
  /** Aborts `open`: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const syncRules = {
  indexFile: is<string | URL | false>(
    'a path, a URL or false',
    (value) =>
      value === false || value instanceof URL || (typeof value === 'string' && value !== ''),
  ),
  ifStale: choice(['rebuild', 'refuse'], { default: 'rebuild' }),
  concatenated: boolean({ default: false }),
  requireEndMarker: boolean({ default: false }),
}

/** The options of `TarIndex.open` and `TarIndexSync.open`. */
export const tarIndexOptions: {
  readonly [form in 'async' | 'sync']: { check(options: TarIndexOptions): unknown }
} = {
  async: mediaOptions('TarIndexOptions', {
    ...syncRules,
    signal: signal(),
    ...urlRules,
  } satisfies Rules<TarIndexOptions>),
  sync: mediaOptions('TarIndexOptions', syncRules),
}
