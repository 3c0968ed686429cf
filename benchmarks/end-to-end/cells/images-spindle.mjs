// Spindle's ways to make batches of images:
// `node images-spindle.mjs <way> <folder> <form> <pause>`.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { giveBack, loadImage, stack } from '@spindle/io'
import { PipelineBuilder, runPipelineInWorker, workerModule } from 'spindle'
import { DataLoader } from 'spindle/loader'
import { consumer } from './consumer.mjs'
import { BATCH, batches } from './images-loader.mjs'
import { imageOptions } from './images-ops.mjs'

const [way, folder, form, pause] = process.argv.slice(2)
const paths = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name))
const { take, end } = consumer(Number(pause))
const takeArray = ({ data, shape }) => take(data, shape[0])
const module = new URL('./images-loader.mjs', import.meta.url).href

const ways = {
  async batch() {
    const pipeline = batches({ paths, form }).build()
    for await (const batch of pipeline) {
      takeArray(batch)
      giveBack(batch)
    }
  },
  async worker() {
    const pipeline = runPipelineInWorker(module, {
      export: 'batches',
      args: { paths, form },
    })
    for (const batch of pipeline) takeArray(batch)
  },
  async single() {
    const options = imageOptions(form)
    const gather = (images) => {
      const made = stack(images)
      giveBack(images)
      return made
    }
    const pipeline = new PipelineBuilder()
      .addSource(paths)
      .pipe((path) => loadImage(path, options), { concurrency: 'auto', outputOrder: 'input' })
      .aggregate(BATCH)
      .pipe(gather)
      .addSink(4)
      .build()
    for await (const batch of pipeline) takeArray(batch)
  },
  threads: () => loader('threads'),
  'loader-worker': () => loader('worker'),
}

async function loader(placement) {
  const ops = workerModule(new URL('./images-ops.mjs', import.meta.url).href)
  const made = new DataLoader(paths, {
    preprocess: preprocessOf(ops, placement),
    batchSize: BATCH,
    collate: ops.gather,
    outputOrder: 'input',
    placement,
    reuseBatches: true,
  })
  if (placement === 'worker') for (const batch of made) takeArray(batch)
  else for await (const batch of made) takeArray(batch)
  await made[Symbol.asyncDispose]()
}

function preprocessOf(ops, placement) {
  if (placement === 'worker') return form === 'float32' ? ops.loadFloat32 : ops.loadUint8
  return form === 'float32' ? ops.asFloat32 : ops.asUint8
}

await ways[way]()
end()
