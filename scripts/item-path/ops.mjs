import { PipelineBuilder } from '../../packages/spindle/src/index.ts'
import { filesOf } from './coverage.mjs'

let files

/** An op that tells at its last item which files the twenty items before needed in its thread. */
export async function measured(n) {
  if (n === 100) files = await filesOf()
  if (n === 200) await files.reset()
  if (n === 220) return await files.take()
  return n
}

export const pipeline = new PipelineBuilder()
  .addSource(function* numbers() {
    for (let n = 0; n < 260; n++) yield n
  })
  .pipe(measured)
  .addSink(2)
