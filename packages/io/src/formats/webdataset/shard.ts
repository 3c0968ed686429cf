import { describeSource } from '../../files/source.ts'
import type { Fetching } from '../../files/url-options.ts'
import { archiveError } from '../archive/archive-error.ts'
import { TarIndex } from '../tar-index/tar-index.ts'
import { splitKey } from './group-by-key.ts'
import type { ShardPlace } from './shard-places.ts'
import type { WebDatasetPlan } from './web-dataset-options.ts'

/**
 * What is where in a shard, as columns: files of all samples one after another, samples by the
 * number of their first file.
 */
export interface Shard {
  readonly place: string | URL
  readonly fetching: Fetching
  readonly keys: readonly string[]
  /** Number of each sample's first file, and at the end the number of files. */
  readonly firsts: Uint32Array
  readonly extensions: readonly string[]
  readonly offsets: Float64Array
  readonly sizes: Float64Array
}

/** Opens the index of a shard, or makes it. @throws as `fromWebDataset` */
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
  // The index is in memory, and the shard is opened again when it is read: there may be more shards
  // than files can be open.
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
    // Few texts, each many times.
    extensions,
    offsets: Float64Array.from(offsets),
    sizes: Float64Array.from(sizes),
  }
}
