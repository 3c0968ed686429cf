// Pipelines that run in a worker or a process of their own.
import { PipelineBuilder, workerModule } from 'spindle'
import { compute4 } from './ops.mjs'
import { numbers, pause } from './parts.mjs'

const ops = workerModule(new URL('./ops.mjs', import.meta.url).href)

export const waiting = ({ concurrency }) =>
  new PipelineBuilder()
    .addSource(numbers)
    .pipe(async (item) => pause(10, item), { name: 'fetch', concurrency })

export const computing = ({ threads }) => {
  const builder = new PipelineBuilder().addSource(numbers)
  return threads > 0
    ? builder.pipe(ops.compute4, { name: 'decode', concurrency: threads })
    : builder.pipe(compute4, { name: 'decode', concurrency: 2 })
}

export const light = () =>
  new PipelineBuilder().addSource(numbers).pipe(async (item) => compute4(item), { name: 'prepare' })

export const quick = () =>
  new PipelineBuilder()
    .addSource(numbers)
    .pipe(async (item) => pause(2, item), { name: 'fetch', concurrency: 4 })
