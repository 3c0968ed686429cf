import { boolean, choice, is, type Rules, signal } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'

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
