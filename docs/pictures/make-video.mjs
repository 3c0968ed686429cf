// Makes the clip and the pictures of docs/video.md: npm run build && node
// docs/pictures/make-video.mjs (needs the ffmpeg command for the clip)
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadVideo, sampleVideo, saveImage } from '@spindle/io'

const here = (name) => fileURLToPath(new URL(`video/${name}`, import.meta.url))
const photo = fileURLToPath(new URL('../../examples/photos/coffee-1.jpg', import.meta.url))

// 4 s, 10 frames a second, a keyframe every 12: the camera moves over a photograph (Rachel
// Michetti, CC0), and a dot tells the time.
const clip = here('clip.mp4')
const pan = "scale=420:-2,crop=160:120:x='(iw-160)*n/39':y='(ih-120)/2'"
const dot = "[1]scale=12:12[dot];[0][dot]overlay=x='148*n/39':y=106"
const inputs = [
  '-loop',
  '1',
  '-r',
  '10',
  '-t',
  '4',
  '-i',
  photo,
  '-f',
  'lavfi',
  '-i',
  'color=orange:s=16x16:r=10:d=4',
]
const encode = [
  '-c:v',
  'libx264',
  '-preset',
  'slow',
  '-crf',
  '26',
  '-g',
  '12',
  '-bf',
  '2',
  '-sc_threshold',
  '0',
  '-pix_fmt',
  'yuv420p',
]
const graph = `[0]${pan}[pan];${dot.replace('[0]', '[pan]')}`
execFileSync('ffmpeg', [
  '-v',
  'error',
  '-y',
  ...inputs,
  '-filter_complex',
  graph,
  ...encode,
  '-movflags',
  'faststart',
  '-bitexact',
  clip,
])

// Each picture is the whole clip, frame by frame, what was not taken pale.
const size = { width: 48, height: 36 }
const all = await loadVideo(clip, size)
const [frames] = all.shape
const perRow = 20
await timeline('all', () => true)
await timeline('window', async () => loadVideo(clip, { ...size, window: [1, 2.5] }))
await timeline('every', async () => sampleVideo(clip, { ...size, every: 8 }))
await timeline('count', async () => sampleVideo(clip, { ...size, count: 5 }))
await timeline('keyframes', async () => sampleVideo(clip, { ...size, keyframes: true }))
await timeline('clips', async () =>
  sampleVideo(clip, { ...size, clips: { length: 4, stride: 3, count: 3 } }),
)

async function timeline(name, load) {
  const loaded = await load()
  const taken = loaded === true ? all.timestampsSec : loaded.timestampsSec
  const bright = new Set([...taken].map((timeSec) => Math.round(timeSec * 10)))
  const gap = 2
  const [width, height] = [
    perRow * (size.width + gap),
    Math.ceil(frames / perRow) * (size.height + gap),
  ]
  const data = new Uint8Array(width * height * 3).fill(255)
  for (let frame = 0; frame < frames; frame++) {
    const [left, top] = [
      (frame % perRow) * (size.width + gap),
      Math.floor(frame / perRow) * (size.height + gap),
    ]
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width * 3; x++) {
        const value = all.data[(frame * size.height + y) * size.width * 3 + x]
        data[((top + y) * width + left) * 3 + x] = bright.has(frame) ? value : 224 + (value >> 3)
      }
    }
  }
  await saveImage(
    here(`${name}.jpg`),
    { data, dtype: 'uint8', shape: [height, width, 3] },
    { quality: 80 },
  )
}
