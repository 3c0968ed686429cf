// Photos of a bucket become pixels in shards of another place: list, fetch, decode, batch, write.
//   AWS_ENDPOINT_URL=… spindle run examples/stores/job.ts -- s3://photos s3://pixels
// A job that was killed is started again by the same command, and each photo is in the shards once.
import { loadImage, npyShards, stack } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { findObjects, openStore } from 'spindle/source'

export const unit = 'photos'

/** Side of a picture, in pixels. */
const SIDE = 64
/** Batches in a shard. */
const SHARD_BATCHES = 4
const BATCH = 4

export async function pipeline([from = 's3://photos']: readonly string[] = []) {
  const store = openStore(from)
  // Sorted, so that a job that is started again has the same items.
  const found = await findObjects(['**/*.jpg', '**/*.png'], { store })
  return new PipelineBuilder()
    .addSource(found.map(({ name }) => name))
    .pipe((name: string) => loadImage(name, { store, width: SIDE, height: SIDE, mode: 'crop' }), {
      name: 'fetch and decode',
      concurrency: 8,
    })
    .aggregate(BATCH)
    .pipe(stack, { name: 'batch' })
}

export const sink = ([, to = 's3://pixels']: readonly string[] = []) =>
  npyShards(to, { maxRecords: SHARD_BATCHES * BATCH })
