// Compiled against the packed declarations by TypeScript 7 and 6, with skipLibCheck off.
import { type Pipeline, PipelineBuilder } from 'spindle'

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

// @ts-expect-error: the op takes strings
new PipelineBuilder().addSource([1, 2]).pipe((name: string) => name.length)
