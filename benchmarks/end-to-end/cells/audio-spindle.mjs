// Spindle's job of audio: seconds 3 to 8 of each file, 16 kHz mono:
// `node audio-spindle.mjs <folder>`.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadAudio } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { consumer } from './consumer.mjs'

const [folder] = process.argv.slice(2)
const options = { window: [3, 8], sampleRate: 16000, channels: 1 }
const { take, end } = consumer(0)
const pipeline = new PipelineBuilder()
  .addSource(readdirSync(folder).sort())
  .pipe((name) => loadAudio(join(folder, name), options), {
    concurrency: 'auto',
    outputOrder: 'input',
  })
  .addSink(4)
  .build()
for await (const { data, shape } of pipeline) take(data, shape[1])
end()
