import {
  type ShardFormat,
  type ShardManifest,
  type ShardOptions,
  type Sink,
  shardSink,
} from 'spindle/sinks'
import type { ObjectStore } from 'spindle/source'
import type { NdArray } from '../base/array.ts'
import { npyHeader } from '../formats/npy/encode-npy.ts'
import { RowBlocks } from './row-blocks.ts'

/** Shards are kept in memory until they are complete, because their header has the row count. */
const MAX_BYTES = 64_000_000

/**
 * A sink that writes arrays as npy files. Each item is a batch: its first side counts rows, and the
 * rows of all batches of a shard follow each other in one file. All batches have the same dtype and
 * row shape. A typed array is a batch of numbers.
 *
 * Shards, manifest and the state of the pipeline are committed together, as by `jsonlShards`. A
 * shard is kept in memory until it is complete; the default of `maxBytes` is 64 000 000.
 *
 * @param place a folder, a URL that `openStore` takes (`s3://bucket/out`), or a store
 * @throws MediaError `ERR_BAD_OPTION`, also while writing for a batch that does not fit
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { PipelineBuilder } from 'spindle'
 * import { loadNpy, npyShards } from '@spindle/io'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'embeddings-'))
 * const batches = [4, 4, 2].map((rows) => ({ data: new Float32Array(rows * 3), dtype: 'float32' as const, shape: [rows, 3] }))
 * await new PipelineBuilder().addSource(batches).build().writeTo(npyShards(folder))
 * assert.deepEqual((await loadNpy(join(folder, 'shard-000000.npy'))).shape, [10, 3])
 * ```
 */
export function npyShards(
  place: string | URL | ObjectStore,
  options: ShardOptions = {},
): Sink<NdArray | NodeJS.TypedArray, ShardManifest> {
  return shardSink(place, npyFormat, { ...options, maxBytes: options.maxBytes ?? MAX_BYTES })
}

const npyFormat: ShardFormat<NdArray | NodeJS.TypedArray> = {
  kind: 'npy',
  extension: '.npy',
  encoder: (output) => {
    const rows = new RowBlocks('item')
    return {
      get keptBytes() {
        return rows.bytes
      },
      add: (item) => {
        const array = rows.check(item)
        rows.add(array)
        return array.shape[0] as number
      },
      finish: () => {
        output.push(npyHeader(rows.dtype, rows.shape))
        for (const block of rows.blocks) output.push(block)
      },
    }
  },
}
