// Spindle's job of video: `node video-spindle.mjs <sample|decode> <folder>`. `sample`: eight frames
// of each clip at equal distances, `[8, 3, 224, 224]`; `decode`: all frames of each clip.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { giveBack, loadVideo, sampleVideo } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { consumer } from './consumer.mjs'

const [job, folder] = process.argv.slice(2)
const options = { width: 224, height: 224, mode: 'stretch', layout: 'NCHW' }
const clips = readdirSync(folder).sort()
const { take, end } = consumer(0)
const load = (name) =>
  job === 'sample'
    ? sampleVideo(join(folder, name), { ...options, count: 8 })
    : loadVideo(join(folder, name), options)
const pipeline = new PipelineBuilder()
  .addSource(clips)
  .pipe(load, { concurrency: 'auto', outputOrder: 'input' })
  .addSink(1)
  .build()
for await (const video of pipeline) {
  take(video.data, video.shape[0])
  giveBack(video)
}
end()
