// The permissive set-up: of the optional peers only `sharp` is installed. Images are read and
// written, WAV and arrays are the package's own; the rest is refused in one line.
import assert from 'node:assert/strict'
import {
  encodeImage,
  encodeNpy,
  encodeWav,
  fromParquet,
  loadAudio,
  loadImage,
  loadVideo,
  parseNpy,
  probe,
} from '@spindle/io'
import { PipelineBuilder } from 'spindle'

const pixels = { data: new Uint8Array(8 * 6 * 3).fill(200), dtype: 'uint8', shape: [6, 8, 3] }
const png = await encodeImage(pixels, { format: 'png' })
assert.deepEqual((await loadImage(png, { width: 4, height: 3 })).shape, [3, 4, 3])
const jpeg = await encodeImage(pixels, { format: 'jpeg' })
assert.deepEqual((await loadImage(jpeg)).shape, [6, 8, 3])

const sound = { data: Float32Array.of(0, 0.5), dtype: 'float32', shape: [1, 2] }
const wav = encodeWav(sound, { sampleRate: 8000, layout: 'CT' })
assert.equal((await loadAudio(wav)).sampleRate, 8000)
assert.deepEqual([...parseNpy(encodeNpy(sound)).data], [0, 0.5])

const mp3 = Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1')
const mp4 = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1')
const node_av =
  /^[^\n]*node-av[^\n]*not installed[^\n]*npm install node-av[^\n]*licence[^\n]*GPL[^\n]*$/
for (const [what, refused] of Object.entries({
  'ffmpeg by name': () => loadImage(png, { backend: 'ffmpeg' }),
  sound: () => loadAudio(mp3),
  video: () => loadVideo(mp4),
  probe: () => probe(mp4),
}))
  await assert.rejects(refused, { code: 'ERR_BACKEND_MISSING', message: node_av }, what)
await assert.rejects(
  async () => {
    for await (const _ of await fromParquet('x.parquet'));
  },
  {
    code: 'ERR_BACKEND_MISSING',
    message: /^[^\n]*hyparquet[^\n]*npm install hyparquet[^\n]*licence: MIT[^\n]*$/,
  },
)

// A missing library fails the stage at once, whatever its budget.
const pipeline = new PipelineBuilder()
  .addSource([mp4, mp4, mp4])
  .pipe((bytes) => loadVideo(bytes), { maxFailures: 10, retry: 3 })
  .build()
await assert.rejects(
  pipeline.forEach(() => {}),
  ({ errors: [{ failures, cause }] }) => failures === 0 && cause.code === 'ERR_BACKEND_MISSING',
)
