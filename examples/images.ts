// A folder of images becomes batches of 32, ready for a model: uint8, [32, 3, 224, 224].
//   npm start                     the photographs in examples/photos
//   npm start -- <folder>         your own
// The pipeline drops a file that is damaged or not an image, counts it and names it in the report.
// No other file is lost.
import { fileURLToPath } from 'node:url'
import { giveBack, loadImage, type NdArray, stack } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { listFiles } from 'spindle/source'

const PHOTOS = fileURLToPath(new URL('photos', import.meta.url))

/** Reads and decodes one file, in the worker threads of @spindle/io: the event loop only waits. */
function load(path: string): Promise<NdArray<'uint8'>> {
  return loadImage(path, { width: 224, height: 224, mode: 'crop', layout: 'CHW' })
}

/** Combines images into one array, and gives their memory back for the next ones. */
function batch(images: readonly NdArray<'uint8'>[]): NdArray<'uint8'> {
  const stacked = stack(images)
  giveBack(images)
  return stacked
}

/** The name of the items in the output of `spindle run`. */
export const unit = 'images'

/**
 * The pipeline over the images in a folder and its subfolders. `spindle run` calls it with its
 * arguments.
 */
export function pipeline([folder = PHOTOS]: readonly string[] = []): PipelineBuilder<
  NdArray<'uint8'>
> {
  return new PipelineBuilder()
    .addSource(
      listFiles(folder, {
        extensions: ['jpg', 'jpeg', 'png', 'webp', 'gif', 'avif'],
        recursive: true,
      }),
    )
    .pipe(load, {
      concurrency: 'auto',
      outputOrder: 'input',
      maxFailures: Number.POSITIVE_INFINITY,
    })
    .aggregate(32)
    .pipe(batch)
    .addSink(4)
}
