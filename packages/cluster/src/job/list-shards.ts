import { type FindObjectsOptions, findObjects } from 'spindle/source'
import type { ShardSpec } from '../contract/epoch.ts'

/**
 * The objects that patterns stand for, as shards: their paths or URLs, and their sizes.
 *
 * @param patterns paths and URLs with braces and `*`, as `findObjects` takes them:
 *   `s3://bucket/train-*.tar`
 * @throws `ERR_NOT_FOUND` for a pattern that no object matches; errors of the store
 */
export async function listShards(
  patterns: string | URL | readonly (string | URL)[],
  options: FindObjectsOptions = {},
): Promise<ShardSpec[]> {
  const found = await findObjects(patterns, options)
  return found.map(({ store, name, info }) => ({
    name: `${store.url.replace(/\/$/, '')}/${name}`,
    ...(info !== undefined && { bytes: info.size }),
  }))
}
