import { type FindObjectsOptions, findObjects } from 'spindle/source'
import { badOption } from '../../base/errors.ts'
import { describeSource } from '../../files/source.ts'
import type { Fetching } from '../../files/url-options.ts'

/** Where a file is, and how it is read. */
export interface FilePlace {
  readonly place: string | URL
  /** Its name in messages. */
  readonly name: string
  readonly fetching: Fetching
}

/** Files of tables: paths, URLs, names in a store, with braces and patterns. */
export type TableFiles = string | URL | readonly (string | URL)[]

const RULE = 'a path or a URL, or an array of at least one'

/**
 * Finds files. A plain path and a plain web address are taken as they are; anything else is looked
 * up by `findObjects`.
 */
export async function findFiles(
  files: TableFiles,
  store: FindObjectsOptions['store'],
  fetching: Fetching,
): Promise<FilePlace[]> {
  const list: readonly (string | URL)[] = Array.isArray(files) ? files : [files as string | URL]
  if (list.length === 0) throw badOption('files', RULE, files)
  for (const file of list)
    if ((typeof file !== 'string' || file === '') && !(file instanceof URL))
      throw badOption('files', RULE, file)
  if (store === undefined && list.every(isPlain))
    return list.map((place) => ({ place, name: describeSource(place), fetching }))
  const { signal } = fetching
  const found = await findObjects(list, { ...(store && { store }), ...(signal && { signal }) })
  return found.map(({ store: where, name }) => {
    const place = where.place(name)
    if ('path' in place) return { place: place.path, name: describeSource(place.path), fetching }
    const { url, headers, fetch } = place
    const all = { ...headers, ...fetching.headers }
    return { place: url, name: describeSource(url), fetching: { ...fetching, headers: all, fetch } }
  })
}

function isPlain(file: string | URL): boolean {
  if (file instanceof URL) return /^(?:file|https?|data|blob):$/.test(file.protocol)
  return !/[*?[{]/.test(file) && !/^[a-z][a-z0-9+.-]+:\/\//i.test(file)
}
