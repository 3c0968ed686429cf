import { describeSource } from '../../files/source.ts'
import type { Fetching } from '../../files/url-options.ts'
import { archiveError } from '../archive/archive-error.ts'
import { TarIndex } from '../tar-index/tar-index.ts'
import { splitKey } from './group-by-key.ts'
import type { ShardPlace } from './shard-places.ts'
import type { WebDatasetPlan } from './web-dataset-options.ts'

/**
 * The contents of a shard, as columns: the files of all samples one after another, and for each
 * sample the number of its first file.
 */
export interface Shard {
  readonly place: string | URL
  readonly fetching: Fetching
  readonly keys: readonly string[]
  /** Number of each sample's first file, then the number of files. */
  readonly firsts: Uint32Array
  readonly extensions: readonly string[]
  readonly offsets: Float64Array
  readonly sizes: Float64Array
}

/**
 * Opens or builds the index of a shard.
 *
 * @throws as `fromWebDataset`
 */
export async function indexShard(
  { place, fetching }: ShardPlace,
  plan: WebDatasetPlan,
): Promise<Shard> {
  const { index, extensions: wanted } = plan
  const name = describeSource(place)
  const indexFile =
    typeof index === 'function' ? index(place instanceof URL ? place.href : place) : index
  const tar = await TarIndex.open(place, {
    ...(indexFile === undefined ? {} : { indexFile }),
    ...fetching,
  })
  // The index is in memory. The shard is opened again when it is read, because there may be more
  // shards than files can be open.
  await tar.close()
  const keys: string[] = []
  const firsts: number[] = []
  const extensions: string[] = []
  const offsets: number[] = []
  const sizes: number[] = []
  let extensionsOfSample = new Set<string>()
  for (const [number, path] of tar.paths().entries()) {
    const parts = splitKey(path)
    if (parts === undefined) continue
    if (keys.length === 0 || parts.key !== keys.at(-1)) {
      keys.push(parts.key)
      firsts.push(extensions.length)
      extensionsOfSample = new Set()
    }
    if (wanted !== undefined && !wanted.includes(parts.extension)) continue
    if (extensionsOfSample.has(parts.extension)) {
      const problem = `is the second one of extension ${JSON.stringify(parts.extension)} in its sample`
      throw archiveError('ERR_DECODE', name, problem, { member: path })
    }
    extensionsOfSample.add(parts.extension)
    const { offset, size } = tar.entry(number)
    extensions.push(parts.extension)
    offsets.push(offset)
    sizes.push(size)
  }
  return {
    place,
    fetching,
    keys,
    firsts: Uint32Array.from([...firsts, extensions.length]),
    // Few different texts, each repeated many times.
    extensions,
    offsets: Float64Array.from(offsets),
    sizes: Float64Array.from(sizes),
  }
}
