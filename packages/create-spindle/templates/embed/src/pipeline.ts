import { loadImage, type NdArray } from '@spindle/io'
import { PipelineBuilder, workerModule } from 'spindle'
import { fromFiles } from 'spindle/source'
import type * as Ops from './ops.js'

const { embed } = workerModule<typeof Ops>(new URL('./ops.js', import.meta.url))

async function load(path: string): Promise<{ path: string; image: NdArray<'uint8'> }> {
  return { path, image: await loadImage(path, { width: 64, height: 64, mode: 'crop' }) }
}

/** The pipeline over the pictures of a folder, not yet built: `{ path, vector }` for each. */
export async function embeddings(
  folder: string,
): Promise<PipelineBuilder<ReturnType<typeof Ops.embed>>> {
  const files = await fromFiles(folder, {
    extensions: ['jpg', 'jpeg', 'png', 'webp'],
    recursive: true,
  })
  return new PipelineBuilder()
    .addSource(files)
    .pipe(load, { concurrency: 8 })
    .pipe(embed, { concurrency: 4 })
}
