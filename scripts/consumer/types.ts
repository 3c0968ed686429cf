// Compiled against the packed declarations by TypeScript 7 and 6, with skipLibCheck off.
import { loadImage, type NdArray } from '@spindle/io'
import { Demuxer } from '@spindle/io/media'
import { loadImageSync } from '@spindle/io/sync'
import { type ModelOp, model } from '@spindle/models'
import { type Pipeline, PipelineBuilder } from 'spindle'
import { FileCheckpoint } from 'spindle/checkpoint'
import { toReadable } from 'spindle/interop'
import { DataLoader } from 'spindle/loader'
import { listFiles } from 'spindle/source'

const pipeline: Pipeline<string[]> = new PipelineBuilder()
  .addSource(['a', 'b'])
  .pipe(async (name) => `${name}.jpg`, { concurrency: 4 })
  .aggregate(2)
  .build()

export async function consume(): Promise<number> {
  let length = 0
  await using running = pipeline
  for await (const batch of running) length += batch.length
  return length
}

// Every entry compiles, with no optional peer installed.
export const images = new DataLoader(listFiles('photos'), {
  preprocess: async (path): Promise<NdArray<'uint8'>> => loadImage(path),
})
export const embed: ModelOp<NdArray<'float32'>, number> = model('a.onnx', {
  inputs: (image: NdArray<'float32'>) => image,
  result: (outputs) => Object.keys(outputs).length,
})
export const others: readonly unknown[] = [Demuxer, loadImageSync, FileCheckpoint, toReadable]

// @ts-expect-error: the op takes strings
new PipelineBuilder().addSource([1, 2]).pipe((name: string) => name.length)
